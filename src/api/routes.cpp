#include "api/routes.h"

#include <array>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace halton::api {
namespace {

std::string json_text(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string_view name_of(DaemonFacts::State state) {
    switch (state) {
        case DaemonFacts::State::starting: return "starting";
        case DaemonFacts::State::ok: return "ok";
        case DaemonFacts::State::draining: return "draining";
    }
    return "starting";
}

Answer health(const DaemonFacts& facts) {
    const bool is_ok = facts.state == DaemonFacts::State::ok;
    return {is_ok ? 200 : 503,
            fmt::format(R"({{"status":{},"version":{},"root":{},"uptime_s":{},)"
                        R"("ports":{{"edge":{},"internal":{},"api":{}}}}})",
                        json_text(name_of(facts.state)), json_text(facts.version),
                        json_text(facts.root_fingerprint), facts.uptime.count(),
                        facts.ports.edge_port, facts.ports.internal_port, facts.ports.api_port)};
}

Answer daemon_status(const DaemonFacts& facts) {
    const auto& ledger = facts.ledger;
    std::string body = fmt::format(
        R"({{"last_seen_at":{},"request_count_last_hour":{},"version":{},"state":{},)"
        R"("rows_written":{},"rows_dropped_queue_full":{},"rows_dropped_error":{},)"
        R"("rows_waiting":{},"rows_recovered":{},"kill_safe":{},)"
        R"("store_state":{},"store_last_error":{},"passthrough":{{)",
        ledger.last_row_at_us == 0
            ? "null"
            : json_text(to_iso8601(UtcTime(std::chrono::microseconds(ledger.last_row_at_us)))),
        facts.request_count_last_hour, json_text(facts.version), json_text(name_of(facts.state)),
        ledger.rows_written, ledger.rows_dropped_queue_full, ledger.rows_dropped_error,
        ledger.rows_waiting, ledger.rows_recovered, ledger.is_kill_safe, json_text(ledger.state),
        ledger.last_error.empty() ? "null" : json_text(ledger.last_error));
    bool is_first = true;
    for (const auto& [reason, count] : facts.passthrough) {
        body += fmt::format("{}{}:{}", is_first ? "" : ",", json_text(reason), count);
        is_first = false;
    }
    body += fmt::format(R"(}},"unseen":{{"connections":{},"requests":{}}},"refusing_clients":[)",
                        facts.unseen_connections, facts.unseen_requests);
    is_first = true;
    for (const auto& refusal : facts.refusals) {
        body +=
            fmt::format(R"({}{{"program":{},"host":{},"count":{},"since":{}}})",
                        is_first ? "" : ",", json_text(refusal.program), json_text(refusal.host),
                        refusal.count, json_text(to_iso8601(refusal.since)));
        is_first = false;
    }
    return {200, body + "]}"};
}

struct Route {
    std::string_view path;
    Answer (*answer)(const DaemonFacts&);
};

constexpr std::array routes{
    Route{"/health", &health},
    Route{"/v1/daemon/status", &daemon_status},
};

bool is_loopback_host(std::string_view host) {
    if (host.starts_with('[')) return host == "[::1]" || host.starts_with("[::1]:");
    host = host.substr(0, host.rfind(':'));
    return host == "127.0.0.1" || is_equal_ignoring_case(host, "localhost");
}

}  // namespace

Answer answer(std::string_view method, std::string_view target, std::string_view host_header,
              const DaemonFacts& facts) {
    if (!is_loopback_host(host_header))
        return {403, R"({"detail":"only loopback host names are served"})"};
    if (method != "GET" && method != "HEAD")
        return {405, R"({"detail":"this route is read-only"})"};
    const auto path = target.substr(0, target.find('?'));
    for (const Route& route : routes)
        if (route.path == path) return route.answer(facts);
    return {404, R"({"detail":"no such route"})"};
}

}  // namespace halton::api
