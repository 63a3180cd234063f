// Routes about the daemon itself: no database, and /health no file either.
#include "api/handlers.h"
#include "api/openapi.h"
#include "api/rows_json.h"
#include "base/json_writer.h"

namespace halton::api {
namespace {

std::string_view name_of(DaemonFacts::State state) {
    switch (state) {
        case DaemonFacts::State::starting: return "starting";
        case DaemonFacts::State::ok: return "ok";
        case DaemonFacts::State::draining: return "draining";
    }
    return "starting";
}

std::int64_t to_number(std::uint64_t value) {
    return value > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(value);
}

}  // namespace

void write_unseen(JsonWriter& json, const DaemonFacts& facts) {
    json.begin_object("unseen").number("connections", to_number(facts.unseen_connections));
    json.number("requests", to_number(facts.unseen_requests)).end();
}

void write_refusing_clients(JsonWriter& json, const DaemonFacts& facts) {
    json.begin_array("refusing_clients");
    for (const auto& refusal : facts.refusals)
        json.begin_object()
            .text("program", refusal.program)
            .text("host", refusal.host)
            .number("count", to_number(refusal.count))
            .text("since", to_iso8601(refusal.since))
            .end();
    json.end();
}

Answer health(const Context& context) {
    const auto& facts = context.facts;
    auto json = begin_json();
    json.text("status", name_of(facts.state)).text("version", facts.version);
    json.text("root", facts.root_fingerprint).number("uptime_s", facts.uptime.count());
    json.begin_object("ports").number("edge", facts.ports.edge_port);
    json.number("internal", facts.ports.internal_port).number("api", facts.ports.api_port).end();
    json.end();
    return {facts.state == DaemonFacts::State::ok ? 200 : 503, json.finish()};
}

Answer daemon_status(const Context& context) {
    const auto& facts = context.facts;
    const auto& ledger = facts.ledger;
    auto json = begin_json();
    if (ledger.last_row_at_us == 0)
        json.null("last_seen_at");
    else
        json.text("last_seen_at",
                  to_iso8601(UtcTime(std::chrono::microseconds(ledger.last_row_at_us))));
    json.number("request_count_last_hour", facts.request_count_last_hour);
    json.text("version", facts.version).text("state", name_of(facts.state));
    json.number("running_calls", facts.running_calls);
    json.number("rows_written", to_number(ledger.rows_written));
    json.number("rows_dropped_queue_full", to_number(ledger.rows_dropped_queue_full));
    json.number("rows_dropped_error", to_number(ledger.rows_dropped_error));
    json.number("rows_waiting", to_number(ledger.rows_waiting));
    json.number("rows_recovered", to_number(ledger.rows_recovered));
    json.flag("kill_safe", ledger.is_kill_safe).text("store_state", ledger.state);
    ledger.last_error.empty() ? json.null("store_last_error")
                              : json.text("store_last_error", ledger.last_error);
    json.begin_object("passthrough");
    for (const auto& [reason, count] : facts.passthrough) json.number(reason, to_number(count));
    json.end();
    write_unseen(json, facts);
    write_refusing_clients(json, facts);
    const auto& policies = facts.policies;
    json.begin_object("policies").text("state", policies.state);
    text_or_null(json, "last_error", policies.last_error);
    json.number("active", to_number(policies.active));
    json.number("blocking", to_number(policies.blocking));
    json.number("blocked", to_number(policies.blocked));
    json.number("undecided", to_number(policies.undecided));
    json.number("failures", to_number(policies.failures));
    json.number("audit_dropped", to_number(policies.audit_dropped));
    json.number("hooks_failed", to_number(policies.hooks_failed)).end();
    json.begin_object("bodies").number("memory_bytes", to_number(facts.body_memory_bytes));
    json.number("refused", to_number(facts.bodies_refused));
    json.number("written", to_number(ledger.bodies_written));
    json.number("waiting", to_number(ledger.bodies_waiting));
    json.number("dropped", to_number(ledger.bodies_dropped));
    json.number("pruned", to_number(ledger.bodies_pruned)).end();
    json.end();
    return {200, json.finish()};
}

Answer cloud_state(const Context&) {
    auto json = begin_json();
    json.flag("enabled", false).text("state", "NOT-CONFIGURED");
    for (const char* name : {"workspace_id", "machine_id", "last_sync_at", "unsynced_rows",
                             "paused_reason", "last_error"})
        json.null(name);
    json.end();
    return {200, json.finish()};
}

Answer cloud_connect(const Context&) {
    return make_problem(501,
                        "this version has no cloud part: nothing was sent, and nothing is stored "
                        "but in the database on this machine");
}

Answer metrics(const Context& context) {
    // The version is the format's.
    return {200, context.sources.metrics(), "text/plain; version=0.0.4; charset=utf-8"};
}

Answer openapi(const Context&) {
    static const std::string text = to_openapi();  // milliseconds, and always the same
    return {200, text};
}

Answer doctor(const Context& context) {
    return {200, context.sources.doctor(), "application/json"};
}

}  // namespace halton::api
