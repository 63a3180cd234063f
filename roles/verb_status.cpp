// `status`: what runs and whether calls are being recorded. Looks only, changes nothing, and works
// with everything down.
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/version.h"
#include "platform/home.h"
#include "platform/loopback_http.h"
#include "platform/process.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/ports.h"
#include "roles/table.h"
#include "roles/verbs.h"
#include "store/reports.h"

namespace halton::roles {
namespace {

// What the daemon tells about itself.
struct DaemonFacts {
    std::string version;
    std::optional<std::int64_t> uptime_s;
    std::optional<std::int64_t> rows_written;
    std::int64_t rows_dropped_queue_full = 0;
    std::int64_t rows_dropped_error = 0;
    std::int64_t rows_waiting = 0;
    std::int64_t rows_recovered = 0;
    bool is_kill_safe = true;
    std::string store_state;
    std::string store_last_error;
    std::vector<std::pair<std::string, std::int64_t>> passthrough;  // reason, count
    std::int64_t unseen_connections = 0;  // decrypted, and not understood
    std::int64_t unseen_requests = 0;
    struct Refusal {
        std::string program;
        std::string host;
        std::int64_t count = 0;
        std::string since;
    };
    std::vector<Refusal> refusals;  // clients that do not take our certificate
};

struct StatusFacts {
    platform::Home home;
    config::EffectivePorts ports;
    std::vector<std::string> warnings;
    bool is_edge_up = false;
    bool is_intercept_up = false;
    int health = 0;  // HTTP status of /health; 0 = no answer
    bool is_api_up = false;
    std::optional<DaemonFacts> daemon;
    Result<store::DatabaseFacts> database = store::DatabaseFacts{};
};

std::string text_of(JsonView value) { return std::string(value.as_string().value_or("")); }

void read_daemon_facts(StatusFacts& facts) {
    // A hung daemon must not hang `status`; a loaded one still answers in this time.
    constexpr std::chrono::milliseconds limit{1'000};
    JsonParser parser;
    const auto health = platform::get_loopback(facts.ports.api_port, "/health", limit);
    facts.is_api_up = health || health.error().kind != ErrorKind::refused;
    if (!health) return;
    facts.health = health->status;
    if (facts.health != 200) return;
    DaemonFacts daemon;
    if (const auto json = parser.parse(health->body)) {
        daemon.version = text_of((*json)["version"]);
        daemon.uptime_s = (*json)["uptime_s"].as_integer();
    }
    const auto status = platform::get_loopback(facts.ports.api_port, "/v1/daemon/status", limit);
    if (const auto json = status ? parser.parse(status->body) : fail(status.error())) {
        const JsonView all = *json;
        daemon.rows_written = all["rows_written"].as_integer();
        daemon.rows_dropped_queue_full = all["rows_dropped_queue_full"].as_integer().value_or(0);
        daemon.rows_dropped_error = all["rows_dropped_error"].as_integer().value_or(0);
        daemon.rows_waiting = all["rows_waiting"].as_integer().value_or(0);
        daemon.rows_recovered = all["rows_recovered"].as_integer().value_or(0);
        daemon.is_kill_safe = all["kill_safe"].as_bool().value_or(true);
        daemon.store_state = text_of(all["store_state"]);
        daemon.store_last_error = text_of(all["store_last_error"]);
        all["passthrough"].for_each_member([&](std::string_view reason, JsonView count) {
            daemon.passthrough.emplace_back(reason, count.as_integer().value_or(0));
        });
        const JsonView unseen = all["unseen"];
        daemon.unseen_connections = unseen["connections"].as_integer().value_or(0);
        daemon.unseen_requests = unseen["requests"].as_integer().value_or(0);
        all["refusing_clients"].for_each_element([&](JsonView refusal) {
            daemon.refusals.push_back({text_of(refusal["program"]), text_of(refusal["host"]),
                                       refusal["count"].as_integer().value_or(0),
                                       text_of(refusal["since"])});
        });
    }
    facts.daemon = std::move(daemon);
}

StatusFacts gather(const platform::Home& home) {
    StatusFacts facts;
    facts.home = home;
    auto parsed = platform::read_config(home);
    facts.warnings = std::move(parsed.warnings);
    facts.ports = find_ports(home, parsed.config);
    const auto limit = Limits{}.probe;
    facts.is_edge_up = platform::is_listening(facts.ports.edge_port, limit);
    facts.is_intercept_up = platform::is_listening(facts.ports.internal_port, limit);
    read_daemon_facts(facts);
    facts.database = store::read_database_facts(home.database_file());
    return facts;
}

std::string daemon_state(const StatusFacts& facts) {
    if (facts.daemon) return "healthy";
    return facts.is_api_up || facts.is_intercept_up ? "unhealthy" : "down";
}

std::string edge_mode(const StatusFacts& facts) {
    return facts.daemon && facts.is_intercept_up ? "chain" : "passthrough";
}

std::string database_state(const StatusFacts& facts) {
    if (!facts.database)
        return facts.database.error().kind == ErrorKind::not_found ? "not made yet" : "unreadable";
    // The writer knows best: a full disk does not hinder reading.
    if (facts.daemon && !facts.daemon->store_state.empty()) return facts.daemon->store_state;
    return "ok";
}

std::string verdict(const StatusFacts& facts) {
    if (!facts.is_edge_up) return "BROKEN";
    const auto database = database_state(facts);
    const bool is_recording =
        facts.daemon && facts.is_intercept_up && (database == "ok" || database == "not made yet");
    return is_recording ? "HEALTHY" : "INCONSISTENT";
}

// The pid that the last start wrote, as long as it lives.
std::optional<int> live_pid(int pid) {
    if (!platform::is_process_alive(pid)) return std::nullopt;
    return pid;
}

std::string to_address(std::uint16_t port) { return fmt::format("127.0.0.1:{}", port); }

std::string to_component_detail(std::optional<int> pid, const std::string& rest) {
    return pid ? fmt::format("pid {}, {}", *pid, rest) : rest;
}

std::string to_uptime(std::int64_t seconds) {
    if (seconds < 120) return fmt::format("{} s", seconds);
    if (seconds < 7200) return fmt::format("{} min", seconds / 60);
    return fmt::format("{} h", seconds / 3600);
}

std::string to_database_detail(const StatusFacts& facts) {
    if (!facts.database) return to_safe_text(facts.database.error().context, 200);
    const auto& database = *facts.database;
    auto text =
        fmt::format("{} row{}", database.request_count, database.request_count == 1 ? "" : "s");
    if (database.newest_request_at)
        text += fmt::format(", newest {}Z", to_iso8601(*database.newest_request_at).substr(0, 19));
    if (database.schema_number > database.known_schema_number) text += ", made by a newer version";
    return text + fmt::format(", {} KiB, {}", (database.file_bytes + 1023) / 1024,
                              facts.home.database_file().string());
}

void print_text(const StatusFacts& facts) {
    const auto word = verdict(facts);
    std::string shown = word;
    if (platform::wants_colour())
        shown = fmt::format("\x1b[{}m{}\x1b[0m", word == "HEALTHY" ? 32 : 31, word);
    fmt::print("halton-meter {} status: {}\n\n", version(), shown);

    const auto& ports = facts.ports;
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"edge", facts.is_edge_up ? "healthy" : "down",
                    to_component_detail(facts.is_edge_up ? live_pid(ports.edge_pid) : std::nullopt,
                                        to_address(ports.edge_port) +
                                            (facts.is_edge_up ? ", " + edge_mode(facts) : ""))});
    std::string about = facts.health != 0 && facts.health != 200
                            ? fmt::format("/health answers {}", facts.health)
                            : std::string("-");
    if (facts.daemon)
        about = fmt::format("version {}, up {}", to_safe_text(facts.daemon->version, 40),
                            to_uptime(facts.daemon->uptime_s.value_or(0)));
    rows.push_back(
        {"daemon", daemon_state(facts),
         to_component_detail(facts.daemon ? live_pid(ports.daemon_pid) : std::nullopt, about)});
    rows.push_back({"intercept listener", facts.is_intercept_up ? "bound" : "down",
                    to_address(ports.internal_port)});
    rows.push_back(
        {"api listener", facts.is_api_up ? "bound" : "down", to_address(ports.api_port)});
    rows.push_back({"database", database_state(facts), to_database_detail(facts)});
    if (facts.daemon) {
        const auto& daemon = *facts.daemon;
        const auto dropped = daemon.rows_dropped_queue_full + daemon.rows_dropped_error;
        rows.push_back(
            {"recording", dropped == 0 ? "ok" : "rows dropped",
             fmt::format("{} written, {} waiting, {} dropped since its start",
                         daemon.rows_written.value_or(0), daemon.rows_waiting, dropped)});
        if (daemon.rows_recovered > 0)
            rows.push_back({"recovered", fmt::format("{}", daemon.rows_recovered),
                            "rows that a killed daemon had not written"});
        if (!daemon.is_kill_safe)
            rows.push_back({"waiting rows", "at risk",
                            "no pending-rows file; see store.pending.none in the daemon's log"});
        for (const auto& [reason, count] : daemon.passthrough)
            if (count > 0)
                rows.push_back({"not metered", fmt::format("{}", count), to_safe_text(reason, 80)});
        if (daemon.unseen_connections > 0)
            rows.push_back({"not readable", fmt::format("{}", daemon.unseen_connections),
                            "connections to providers that were followed no further"});
        if (daemon.unseen_requests > 0)
            rows.push_back({"not readable", fmt::format("{}", daemon.unseen_requests),
                            "requests to providers without a row: CONNECT, or over a limit"});
        for (const auto& refusal : daemon.refusals)
            rows.push_back(
                {"refuses our CA", fmt::format("{}", refusal.count),
                 fmt::format("{} to {}, since {}", to_safe_text(refusal.program, 40),
                             to_safe_text(refusal.host, 60), to_safe_text(refusal.since, 19))});
    }
    fmt::print("{}", render_table({{"component"}, {"state"}, {"detail", false, 0, true}},
                                  std::move(rows), platform::terminal_columns()));

    for (const auto& warning : facts.warnings) fmt::print(stderr, "halton-meter: {}\n", warning);
    if (facts.daemon && !facts.daemon->store_last_error.empty())
        fmt::print("\nLast database error: {}\n",
                   to_safe_text(facts.daemon->store_last_error, 200));
    if (!facts.is_edge_up) fmt::print("\nNext: halton-meter edge\n");
    if (facts.is_edge_up && !facts.daemon)
        fmt::print("\nYour tools work, but nothing is recorded. Next: halton-meter daemon\n");
}

void write_listener(JsonWriter& json, std::string_view name, std::uint16_t port, bool is_bound) {
    json.begin_object(name).text("addr", "127.0.0.1").number("port", port).flag("bound", is_bound);
}

void write_pid(JsonWriter& json, std::optional<int> pid) {
    pid ? json.number("pid", *pid) : json.null("pid");
}

void print_json(const StatusFacts& facts) {
    const auto& ports = facts.ports;
    JsonWriter json;
    json.begin_object();
    json.text("version", version()).text("install_mode", "env-only");
    json.text("verdict", verdict(facts));

    json.begin_object("components");
    json.begin_object("daemon").text("state", daemon_state(facts));
    write_pid(json, facts.daemon ? live_pid(ports.daemon_pid) : std::nullopt);
    if (facts.daemon) {
        json.text("version", facts.daemon->version);
        if (facts.daemon->uptime_s) json.number("uptime_s", *facts.daemon->uptime_s);
    }
    json.end();
    json.begin_object("edge").text("state", facts.is_edge_up ? "healthy" : "down");
    write_pid(json, facts.is_edge_up ? live_pid(ports.edge_pid) : std::nullopt);
    if (facts.is_edge_up) json.text("mode", edge_mode(facts));
    json.end().end();

    json.begin_object("listeners");
    write_listener(json, "edge", ports.edge_port, facts.is_edge_up);
    json.end();
    write_listener(json, "intercept", ports.internal_port, facts.is_intercept_up);
    json.end();
    write_listener(json, "api", ports.api_port, facts.is_api_up);
    facts.health != 0 ? json.number("health", facts.health) : json.null("health");
    json.end().end();

    json.begin_object("database").text("path", facts.home.database_file().string());
    json.text("state", database_state(facts));
    if (facts.database) {
        json.number("schema_number", facts.database->schema_number);
        json.number("requests", facts.database->request_count);
        json.number("file_bytes", static_cast<std::int64_t>(facts.database->file_bytes));
        facts.database->newest_request_at
            ? json.text("newest_request_at", to_iso8601(*facts.database->newest_request_at))
            : json.null("newest_request_at");
    }
    if (facts.daemon) {
        const auto& daemon = *facts.daemon;
        if (daemon.rows_written) json.number("rows_written", *daemon.rows_written);
        json.number("rows_waiting", daemon.rows_waiting);
        json.number("rows_recovered", daemon.rows_recovered);
        json.flag("kill_safe", daemon.is_kill_safe);
        json.number("rows_dropped_queue_full", daemon.rows_dropped_queue_full);
        json.number("rows_dropped_error", daemon.rows_dropped_error);
        json.text("last_error", daemon.store_last_error);
    }
    json.end();

    json.begin_object("passthrough");
    if (facts.daemon)
        for (const auto& [reason, count] : facts.daemon->passthrough) json.number(reason, count);
    json.end();
    json.begin_object("unseen");
    if (facts.daemon)
        json.number("connections", facts.daemon->unseen_connections)
            .number("requests", facts.daemon->unseen_requests);
    json.end();
    json.begin_array("refusing_clients");
    if (facts.daemon)
        for (const auto& refusal : facts.daemon->refusals)
            json.begin_object()
                .text("program", refusal.program)
                .text("host", refusal.host)
                .number("count", refusal.count)
                .text("since", refusal.since)
                .end();
    json.end();
    json.begin_array("warnings");
    for (const auto& warning : facts.warnings) json.text({}, warning);
    json.end().end();
    fmt::print("{}", json.finish());
}

}  // namespace

int run_status(int argc, char** argv) {
    cxxopts::Options options("halton-meter status",
                             "Shows what is running and whether calls are being recorded.\n");
    options.add_options()("json", "as one JSON object")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto home = platform::find_home();
    if (!home) {
        fmt::print(stderr, "halton-meter: {}\n", home.error().context);
        return exit_failed;
    }
    const auto facts = gather(*home);
    flags.count("json") > 0 ? print_json(facts) : print_text(facts);
    return exit_done;
}

}  // namespace halton::roles
