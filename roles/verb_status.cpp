// `status`: what runs, whether calls are being recorded, and what was not metered and why. Looks
// only, changes nothing, and works with everything down.
#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/json_writer.h"
#include "base/text.h"
#include "base/version.h"
#include "platform/gather.h"
#include "platform/home.h"
#include "platform/process.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/observe.h"
#include "roles/table.h"
#include "roles/verbs.h"
#include "setup/systemd_unit.h"

namespace halton::roles {
namespace {

using setup::Mode;

struct StatusFacts {
    Look look;
    setup::Facts machine;
    setup::Diagnosis diagnosis;
    std::map<std::string, setup::Finding, std::less<>> layers;  // those that are shown
};

// Layers that are asked here; the first of each name that this system has is shown.
const std::vector<std::string_view> shown_layers{
    "sentinels",     "watchdog-unit", "watchdog-agent", "session-environment",
    "userenv-agent", "gnome-proxy",   "kde-proxy",      "network-proxy"};

StatusFacts gather(const platform::Home& home) {
    StatusFacts facts;
    facts.look = look_around(home, false);
    facts.machine = platform::make_facts(home, facts.look.config);
    platform::SystemCommandRunner runner;
    for (auto& judged : judge_layers(facts.machine, runner, shown_layers))
        facts.layers.emplace(judged.layer->id, std::move(judged.finding));
    facts.look.observed.mode = facts.machine.recorded_mode();
    facts.diagnosis = setup::diagnose(setup::judge_running(facts.look.observed));
    return facts;
}

const setup::Finding* find_layer(const StatusFacts& facts,
                                 std::initializer_list<std::string_view> ids) {
    for (const auto id : ids)
        if (const auto found = facts.layers.find(id); found != facts.layers.end())
            return &found->second;
    return nullptr;
}

bool has_sentinel(const StatusFacts& facts, std::string_view name) {
    return facts.machine.file(facts.machine.folders.in_data(name)).state ==
           setup::FileFact::State::present;
}

std::string daemon_state(const setup::Observed& observed) {
    if (observed.daemon) return "healthy";
    return observed.is_api_bound || observed.is_intercept_bound ? "unhealthy" : "down";
}

std::string edge_state(const setup::Observed& observed) {
    if (observed.edge) return "healthy";
    return observed.is_edge_bound ? "unhealthy" : "down";
}

std::string edge_mode(const setup::Observed& observed) {
    return observed.edge && observed.edge->is_chaining && observed.daemon ? "chain" : "passthrough";
}

std::string database_state(const StatusFacts& facts) {
    const auto& look = facts.look;
    if (!look.database)
        return look.database.error().kind == ErrorKind::not_found ? "not made yet" : "unreadable";
    // The writer knows best: a full disk does not hinder reading.
    const auto& daemon = look.observed.daemon;
    return daemon && !daemon->store_state.empty() ? daemon->store_state : "ok";
}

// The pid that the last start wrote, as long as it lives.
std::optional<int> live_pid(int pid) {
    if (!platform::is_process_alive(pid)) return std::nullopt;
    return pid;
}

std::optional<int> daemon_pid(const setup::Observed& observed) {
    return observed.daemon ? live_pid(observed.ports.daemon_pid) : std::nullopt;
}

std::optional<int> edge_pid(const setup::Observed& observed) {
    if (observed.edge && observed.edge->pid > 0) return observed.edge->pid;
    return observed.is_edge_bound ? live_pid(observed.ports.edge_pid) : std::nullopt;
}

// Under which name the supervisor has it; empty where nothing is installed.
std::string label_of(const StatusFacts& facts, std::string_view role) {
    if (facts.machine.recorded_mode() == Mode::none) return {};
    const bool is_macos = facts.machine.system == setup::System::macos;
    if (role == "edge")
        return is_macos ? "com.haltonlabs.meter.edge" : std::string(setup::edge_service_unit);
    if (role == "watchdog")
        return is_macos ? "com.haltonlabs.meter.watchdog"
                        : std::string(setup::watchdog_service_unit);
    return is_macos ? "com.haltonlabs.meter" : std::string(setup::daemon_service_unit);
}

// The state of something that only some modes want.
std::string state_of(const setup::Finding* finding, const char* well) {
    if (!finding) return "-";
    switch (finding->health) {
        case setup::Health::good: return well;
        case setup::Health::off: return "off";
        case setup::Health::unknown: return "unknown";
        case setup::Health::odd: return "differs";
        case setup::Health::broken: return "broken";
    }
    return "-";
}

std::string detail_of(const setup::Finding* finding, std::string_view otherwise) {
    return finding && !finding->detail.empty() ? to_safe_text(finding->detail, 120)
                                               : std::string(otherwise);
}

const setup::Finding* watchdog_of(const StatusFacts& facts) {
    return find_layer(facts, {"watchdog-agent", "watchdog-unit"});
}
const setup::Finding* userenv_of(const StatusFacts& facts) {
    return find_layer(facts, {"session-environment", "userenv-agent"});
}
// Of several desktops the one that is at fault, else the one that is on.
const setup::Finding* system_proxy_of(const StatusFacts& facts) {
    const setup::Finding* worst = nullptr;
    for (const auto id : {"network-proxy", "gnome-proxy", "kde-proxy"})
        if (const auto* finding = find_layer(facts, {id}))
            if (!worst || (worst->health == setup::Health::off && !finding->detail.empty()) ||
                finding->health > worst->health)
                worst = finding;
    return worst;
}

std::string to_address(std::uint16_t port) { return fmt::format("127.0.0.1:{}", port); }

std::string join(std::initializer_list<std::string> parts) {
    std::string text;
    for (const auto& part : parts) {
        if (part.empty()) continue;
        if (!text.empty()) text += ", ";
        text += part;
    }
    return text.empty() ? "-" : text;
}

std::string to_pid_text(std::optional<int> pid) {
    return pid ? fmt::format("pid {}", *pid) : std::string();
}

std::string to_uptime(std::int64_t seconds) {
    if (seconds < 120) return fmt::format("{} s", seconds);
    if (seconds < 7200) return fmt::format("{} min", seconds / 60);
    return fmt::format("{} h", seconds / 3600);
}

std::string to_database_detail(const StatusFacts& facts) {
    const auto& look = facts.look;
    if (!look.database) return to_safe_text(look.database.error().context, 200);
    const auto& database = *look.database;
    auto text =
        fmt::format("{} row{}", database.request_count, database.request_count == 1 ? "" : "s");
    if (database.newest_request_at)
        text += fmt::format(", newest {}Z", to_iso8601(*database.newest_request_at).substr(0, 19));
    if (database.schema_number > database.known_schema_number) text += ", made by a newer version";
    return text + fmt::format(", {} KiB, {}", (database.file_bytes + 1023) / 1024,
                              look.home.database_file().string());
}

// What our words for a reason mean to whoever reads them.
std::string_view explain(std::string_view reason) {
    static constexpr std::pair<std::string_view, std::string_view> words[] = {
        {"not-metered", "hosts that are no provider's"},
        {"unknown-sni", "hosts that are no provider's, reached by address"},
        {"sni-differs", "the name in the hello is not the proxy's target"},
        {"not-tls", "no TLS"},
        {"no-sni", "TLS without a host name"},
        {"client-refused", "a client refused our certificate; its next try passes"},
        {"client-refuses", "left alone after a refusal"},
        {"upstream-unverified", "the provider's certificate did not verify for us"},
        {"upstream-handshake", "the provider's handshake failed with us"},
        {"upstream-unreachable", "the provider could not be reached"},
        {"client-certificate-asked", "the server wants the client's own certificate"},
        {"other-protocol", "a protocol that is not read"},
        {"other-user", "another user's process"},
        {"daemon-down", "the daemon was away"},
        {"chain-failed", "the daemon died or hung with them"},
        {"loopback", "servers of this machine"},
        {"plain-http", "plain HTTP"},
    };
    for (const auto& [word, meaning] : words)
        if (word == reason) return meaning;
    return reason;
}

// "2026-11-21 10:00" of an ISO time.
std::string to_minute(std::string_view iso) {
    auto text = to_safe_text(iso.substr(0, 16), 16);
    std::replace(text.begin(), text.end(), 'T', ' ');
    return text;
}

// Newest and most first; the long tail as one line.
constexpr std::size_t unmetered_lines_max = 12;

void print_unmetered(const StatusFacts& facts) {
    const auto& look = facts.look;
    std::vector<std::vector<std::string>> rows;
    const auto add = [&](std::int64_t count, std::string_view reason, std::string who,
                         std::string since) {
        if (count > 0)
            rows.push_back({fmt::format("{}", count), std::string(explain(reason)), std::move(who),
                            std::move(since)});
    };
    if (const auto& edge = look.observed.edge)
        for (const auto& [reason, count] : edge->passthrough)
            // The daemon counts what it declined by its reason, and servers of this machine are
            // nobody's loss.
            if (reason != "declined" && reason != "loopback" && reason != "plain-http")
                add(count, reason, "-",
                    reason == "daemon-down" && !edge->daemon_down_since.empty()
                        ? to_minute(edge->daemon_down_since)
                        : std::string("the edge's start"));
    if (look.unmetered.empty() && look.observed.daemon)
        // No database to have kept them.
        for (const auto& [reason, count] : look.observed.daemon->passthrough)
            add(count, reason, "-", "the daemon's start");
    std::int64_t rest = 0;
    for (const auto& row : look.unmetered) {
        if (rows.size() >= unmetered_lines_max) {
            rest += row.count;
            continue;
        }
        auto who = row.program;
        if (!row.host.empty()) who += (who.empty() ? "to " : " to ") + row.host;
        add(row.count, row.reason, who.empty() ? "-" : to_safe_text(who, 80),
            to_minute(to_iso8601(row.first_at)));
    }
    if (rest > 0) rows.push_back({fmt::format("{}", rest), "other", "-", "-"});
    if (rows.empty()) return;
    fmt::print(
        "\nNot metered (connections, the last {} days):\n{}", unmetered_shown_days,
        render_table({{"count", true}, {"why"}, {"who", false, 0, true}, {"since", false, 1}},
                     std::move(rows), platform::terminal_columns()));
}

void print_text(const StatusFacts& facts) {
    const auto& look = facts.look;
    const auto& observed = look.observed;
    const auto verdict = facts.diagnosis.verdict;
    std::string shown(setup::to_text(verdict));
    if (platform::wants_colour())
        shown =
            fmt::format("\x1b[{}m{}\x1b[0m", verdict == setup::Verdict::healthy ? 32 : 31, shown);
    fmt::print("halton-meter {} status: {}\n\n", version(), shown);

    const auto& ports = observed.ports;
    std::vector<std::vector<std::string>> rows;
    const auto mode = facts.machine.recorded_mode();
    rows.push_back({"install-mode",
                    mode == Mode::none ? "not installed" : std::string(setup::to_text(mode)),
                    facts.machine.folders.in_data("install-mode")});
    std::string about = observed.health_status != 0 && observed.health_status != 200
                            ? fmt::format("/health answers {}", observed.health_status)
                            : std::string();
    if (observed.daemon)
        about = fmt::format("version {}, up {}", to_safe_text(observed.daemon->version, 40),
                            to_uptime(observed.daemon->uptime_s));
    rows.push_back({"daemon", daemon_state(observed),
                    join({to_pid_text(daemon_pid(observed)), label_of(facts, "daemon"), about})});
    const auto* watchdog = watchdog_of(facts);
    rows.push_back({"watchdog", state_of(watchdog, "healthy"),
                    detail_of(watchdog, watchdog && watchdog->health == setup::Health::good
                                            ? label_of(facts, "watchdog")
                                            : "-")});
    rows.push_back(
        {"edge", edge_state(observed),
         join({to_pid_text(edge_pid(observed)), label_of(facts, "edge"),
               to_address(ports.edge_port), observed.edge ? edge_mode(observed) : std::string()})});
    const auto* userenv = userenv_of(facts);
    rows.push_back({"userenv", state_of(userenv, "applied"), detail_of(userenv, "-")});
    rows.push_back({"intercept listener", observed.is_intercept_bound ? "bound" : "down",
                    to_address(ports.internal_port)});
    rows.push_back({"api listener", observed.is_api_bound ? "bound" : "down",
                    join({to_address(ports.api_port),
                          observed.health_status ? fmt::format("/health {}", observed.health_status)
                                                 : std::string()})});
    const auto* proxy = system_proxy_of(facts);
    rows.push_back({"system-proxy", state_of(proxy, "on"), detail_of(proxy, "-")});
    const auto* sentinels = find_layer(facts, {"sentinels"});
    rows.push_back({"sentinels", state_of(sentinels, "consistent"),
                    join({has_sentinel(facts, "apps-managed") ? "apps-managed" : "",
                          has_sentinel(facts, "proxy-managed") ? "proxy-managed" : ""})});
    rows.push_back({"database", database_state(facts), to_database_detail(facts)});
    if (observed.daemon) {
        const auto& daemon = *observed.daemon;
        const auto dropped = daemon.rows_dropped_queue_full + daemon.rows_dropped_error;
        rows.push_back({"recording", dropped == 0 ? "ok" : "rows dropped",
                        fmt::format("{} written, {} waiting, {} dropped since its start",
                                    daemon.rows_written, daemon.rows_waiting, dropped)});
        if (daemon.rows_recovered > 0)
            rows.push_back({"recovered", fmt::format("{}", daemon.rows_recovered),
                            "rows that a killed daemon had not written"});
        if (!daemon.is_kill_safe)
            rows.push_back({"waiting rows", "at risk",
                            "no pending-rows file; see store.pending.none in the daemon's log"});
        if (daemon.unseen_connections > 0)
            rows.push_back({"not readable", fmt::format("{}", daemon.unseen_connections),
                            "connections to providers that were followed no further"});
        if (daemon.unseen_requests > 0)
            rows.push_back({"not readable", fmt::format("{}", daemon.unseen_requests),
                            "requests to providers without a row: CONNECT, or over a limit"});
        const auto& policies = daemon.policies;
        if (policies.state == "unreadable" || policies.state == "slow")
            rows.push_back({"policies", policies.state,
                            "every call passes: " + to_safe_text(policies.last_error, 120)});
        else if (policies.active > 0)
            rows.push_back(
                {"policies", "ok",
                 fmt::format("{} active, {} may block; {} calls blocked, {} passed undecided",
                             policies.active, policies.blocking, policies.blocked,
                             policies.undecided)});
        for (const auto& refusal : daemon.refusals)
            rows.push_back(
                {"refuses our CA", fmt::format("{}", refusal.count),
                 fmt::format("{} to {}, since {}", to_safe_text(refusal.program, 40),
                             to_safe_text(refusal.host, 60), to_safe_text(refusal.since, 19))});
    }
    fmt::print("{}", render_table({{"component"}, {"state"}, {"detail", false, 0, true}},
                                  std::move(rows), platform::terminal_columns()));
    print_unmetered(facts);

    for (const auto& warning : look.warnings) fmt::print(stderr, "halton-meter: {}\n", warning);
    if (observed.daemon && !observed.daemon->store_last_error.empty())
        fmt::print("\nLast database error: {}\n",
                   to_safe_text(observed.daemon->store_last_error, 200));
    if (verdict != setup::Verdict::healthy) {
        const auto* first = setup::in_telling_order(facts.diagnosis).front();
        fmt::print("\n{}: {}\nNext: {}\n", first->title, to_safe_text(first->finding.detail, 200),
                   to_safe_text(first->finding.action, 200));
    }
}

void write_listener(JsonWriter& json, std::string_view name, std::uint16_t port, bool is_bound) {
    json.begin_object(name).text("addr", "127.0.0.1").number("port", port).flag("bound", is_bound);
}

void write_pid(JsonWriter& json, std::optional<int> pid) {
    pid ? json.number("pid", *pid) : json.null("pid");
}

void write_label(JsonWriter& json, const std::string& label) {
    label.empty() ? json.null("label") : json.text("label", label);
}

void write_components(JsonWriter& json, const StatusFacts& facts) {
    const auto& observed = facts.look.observed;
    json.begin_object("components");
    json.begin_object("daemon").text("state", daemon_state(observed));
    write_pid(json, daemon_pid(observed));
    write_label(json, label_of(facts, "daemon"));
    if (observed.daemon) {
        json.text("version", observed.daemon->version);
        json.number("uptime_s", observed.daemon->uptime_s);
    }
    json.end();
    json.begin_object("watchdog").text("state", state_of(watchdog_of(facts), "healthy"));
    write_label(json, label_of(facts, "watchdog"));
    json.end();
    json.begin_object("edge").text("state", edge_state(observed));
    write_pid(json, edge_pid(observed));
    write_label(json, label_of(facts, "edge"));
    if (observed.edge) {
        json.text("version", observed.edge->version).text("mode", edge_mode(observed));
        json.number("chained", observed.edge->chained);
        observed.edge->daemon_down_since.empty()
            ? json.null("daemon_down_since")
            : json.text("daemon_down_since", observed.edge->daemon_down_since);
    }
    json.end();
    json.begin_object("userenv").text("state", state_of(userenv_of(facts), "applied"));
    json.end().end();
}

void write_database(JsonWriter& json, const StatusFacts& facts) {
    const auto& look = facts.look;
    json.begin_object("database").text("path", look.home.database_file().string());
    json.text("state", database_state(facts));
    if (look.database) {
        json.number("schema_number", look.database->schema_number);
        json.number("requests", look.database->request_count);
        json.number("file_bytes", static_cast<std::int64_t>(look.database->file_bytes));
        look.database->newest_request_at
            ? json.text("newest_request_at", to_iso8601(*look.database->newest_request_at))
            : json.null("newest_request_at");
    }
    if (look.observed.daemon) {
        const auto& daemon = *look.observed.daemon;
        json.number("rows_written", daemon.rows_written);
        json.number("rows_waiting", daemon.rows_waiting);
        json.number("rows_recovered", daemon.rows_recovered);
        json.flag("kill_safe", daemon.is_kill_safe);
        json.number("rows_dropped_queue_full", daemon.rows_dropped_queue_full);
        json.number("rows_dropped_error", daemon.rows_dropped_error);
        json.text("last_error", daemon.store_last_error);
    }
    json.end();
}

void write_unmetered(JsonWriter& json, const StatusFacts& facts) {
    const auto& observed = facts.look.observed;
    // Since the starts of the two processes, and what the database has kept.
    json.begin_object("passthrough");
    if (observed.daemon)
        for (const auto& [reason, count] : observed.daemon->passthrough) json.number(reason, count);
    json.end();
    json.begin_object("edge_passthrough");
    if (observed.edge)
        for (const auto& [reason, count] : observed.edge->passthrough) json.number(reason, count);
    json.end();
    json.number("not_metered_days", unmetered_shown_days);
    json.begin_array("not_metered");
    for (const auto& row : facts.look.unmetered)
        json.begin_object()
            .text("reason", row.reason)
            .text("program", row.program)
            .text("host", row.host)
            .number("count", row.count)
            .text("since", to_iso8601(row.first_at))
            .text("last", to_iso8601(row.last_at))
            .end();
    json.end();
    json.begin_object("unseen");
    if (observed.daemon)
        json.number("connections", observed.daemon->unseen_connections)
            .number("requests", observed.daemon->unseen_requests);
    json.end();
    json.begin_object("policies");
    if (observed.daemon) {
        const auto& policies = observed.daemon->policies;
        json.text("state", policies.state).text("last_error", policies.last_error);
        json.number("active", policies.active).number("blocking", policies.blocking);
        json.number("blocked", policies.blocked).number("undecided", policies.undecided);
        json.number("audit_dropped", policies.audit_dropped);
        json.number("hooks_failed", policies.hooks_failed);
    }
    json.end();
    json.begin_array("refusing_clients");
    if (observed.daemon)
        for (const auto& refusal : observed.daemon->refusals)
            json.begin_object()
                .text("program", refusal.program)
                .text("host", refusal.host)
                .number("count", refusal.count)
                .text("since", refusal.since)
                .end();
    json.end();
}

void print_json(const StatusFacts& facts) {
    const auto& observed = facts.look.observed;
    JsonWriter json;
    json.begin_object();
    json.text("version", version());
    json.text("install_mode", setup::to_text(facts.machine.recorded_mode()));
    json.text("verdict", setup::to_text(facts.diagnosis.verdict));
    write_components(json, facts);

    json.begin_object("listeners");
    write_listener(json, "edge", observed.ports.edge_port, observed.is_edge_bound);
    json.end();
    write_listener(json, "intercept", observed.ports.internal_port, observed.is_intercept_bound);
    json.end();
    write_listener(json, "api", observed.ports.api_port, observed.is_api_bound);
    observed.health_status != 0 ? json.number("health", observed.health_status)
                                : json.null("health");
    json.end().end();

    json.begin_object("system_proxy").flag("managed", has_sentinel(facts, "proxy-managed"));
    json.begin_object("interfaces");
    for (const auto id : {"network-proxy", "gnome-proxy", "kde-proxy"})
        if (const auto* finding = find_layer(facts, {id})) json.text(id, state_of(finding, "on"));
    json.end().end();
    json.begin_object("sentinels");
    json.flag("proxy_managed", has_sentinel(facts, "proxy-managed"));
    json.flag("apps_managed", has_sentinel(facts, "apps-managed"));
    json.flag("stopped", observed.is_stopped_on_purpose).end();

    write_database(json, facts);
    write_unmetered(json, facts);
    json.begin_array("warnings");
    for (const auto& warning : facts.look.warnings) json.text({}, warning);
    json.end().end();
    fmt::print("{}", json.finish());
}

}  // namespace

int run_status(int argc, char** argv) {
    cxxopts::Options options(
        "halton-meter status",
        "Shows what is running, whether calls are being recorded, and what was not metered.\n"
        "Exit code: 0 whatever it shows, 1 when it cannot look. For a verdict as an exit code:\n"
        "halton-meter doctor\n");
    options.add_options()("json", "as one JSON object")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto home = platform::find_home();
    if (!home) {
        return report_failure(home.error().context, "doctor");
    }
    const auto facts = gather(*home);
    flags.count("json") > 0 ? print_json(facts) : print_text(facts);
    return exit_done;
}

}  // namespace halton::roles
