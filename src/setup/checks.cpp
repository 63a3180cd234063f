#include "setup/checks.h"

#include <fmt/format.h>

#include "base/text.h"
#include "setup/tools.h"

namespace halton::setup {
namespace {

Finding make(Health health, std::string code, std::string detail, std::string action) {
    return {health, std::move(code), std::move(detail), std::move(action)};
}

Finding good(std::string detail) { return {Health::good, {}, std::move(detail), {}}; }

// Where nothing is installed, nothing can be started either.
std::string start_command(const Observed& observed) {
    return observed.mode == Mode::none ? "halton-meter init" : "halton-meter start";
}

std::string to_address(std::uint16_t port) { return fmt::format("127.0.0.1:{}", port); }

Finding judge_edge(const Observed& observed) {
    const auto address = to_address(observed.ports.edge_port);
    if (!observed.is_edge_bound)
        return make(Health::broken, "edge.not_listening",
                    fmt::format("nobody listens on {}: tools that were started with this proxy "
                                "cannot connect",
                                address),
                    start_command(observed));
    if (!observed.edge && observed.has_edge_answered)
        return make(Health::broken, "edge.port_taken",
                    fmt::format("what listens on {} is not our edge", address),
                    fmt::format("ss -tlnp 'sport = :{}'", observed.ports.edge_port));
    if (!observed.edge)
        return make(Health::broken, "edge.silent",
                    fmt::format("{} accepts connections and answers none", address),
                    "halton-meter rescue");
    if (observed.edge->version != observed.version)
        return make(Health::odd, "edge.old_program",
                    fmt::format("the edge runs version {}, this is {}",
                                to_safe_text(observed.edge->version, 40), observed.version),
                    "halton-meter init");
    return good(fmt::format("pid {}, {}", observed.edge->pid, address));
}

Finding judge_daemon(const Observed& observed) {
    if (!observed.daemon && !observed.is_api_bound && !observed.is_intercept_bound) {
        if (observed.is_stopped_on_purpose)
            return make(Health::odd, "daemon.stopped",
                        "stopped on purpose: tools work, nothing is recorded",
                        start_command(observed));
        return make(Health::odd, "daemon.down", "it does not run: tools work, nothing is recorded",
                    start_command(observed));
    }
    if (!observed.daemon && observed.health_status == 0)
        return make(Health::odd, "daemon.unhealthy",
                    "it accepts connections and does not answer: tools work, nothing is recorded",
                    "halton-meter restart");
    if (!observed.daemon)
        return make(Health::odd, "daemon.unhealthy",
                    fmt::format("/health answers {}", observed.health_status),
                    "halton-meter restart");
    if (observed.daemon->version != observed.version)
        return make(Health::odd, "daemon.old_program",
                    fmt::format("the daemon runs version {}, this is {}",
                                to_safe_text(observed.daemon->version, 40), observed.version),
                    "halton-meter restart");
    return good(fmt::format("up {} s", observed.daemon->uptime_s));
}

Finding judge_intercept(const Observed& observed) {
    const auto address = to_address(observed.ports.internal_port);
    if (observed.is_intercept_bound) return good(address);
    return make(Health::odd, "intercept.not_bound", fmt::format("nobody listens on {}", address),
                "halton-meter restart");
}

Finding judge_api(const Observed& observed) {
    const auto address = to_address(observed.ports.api_port);
    if (observed.is_api_bound) return good(address);
    return make(Health::odd, "api.not_bound", fmt::format("nobody listens on {}", address),
                "halton-meter restart");
}

Finding judge_chain(const Observed& observed) {
    const auto& probe = observed.probe;
    if (observed.edge && observed.daemon && probe && probe->is_untrusted)
        return make(Health::broken, "chain.not_trusted",
                    fmt::format("the daemon's certificates do not verify with ca-bundle.pem: {}",
                                to_safe_text(probe->complaint, 200)),
                    "halton-meter restart");
    if (observed.edge && observed.daemon && observed.edge->is_chaining && probe &&
        !probe->complaint.empty())
        return make(Health::odd, "chain.no_answer",
                    fmt::format("a call through the edge to the daemon fails: {}",
                                to_safe_text(probe->complaint, 200)),
                    "halton-meter restart");
    // For a moment after the daemon's end the edge still believes in it.
    if (observed.edge && observed.edge->is_chaining && observed.daemon)
        return good(fmt::format("{} connections handed to the daemon", observed.edge->chained));
    if (!observed.edge)
        return make(Health::odd, "chain.no_edge", "without the edge nothing is metered",
                    start_command(observed));
    return make(Health::odd, "chain.passthrough",
                observed.edge->daemon_down_since.empty()
                    ? "the edge tunnels everything unread: nothing is metered"
                    : fmt::format("the edge tunnels everything unread since {}: nothing is metered",
                                  to_safe_text(observed.edge->daemon_down_since, 19)),
                "halton-meter rescue");
}

Finding judge_leaf(const Observed& observed) {
    if (!observed.leaf_complaint)
        return {Health::unknown, {}, "there is no CA to try it with yet", {}};
    if (observed.leaf_complaint->empty())
        return good("a certificate of ours verifies with ca-bundle.pem");
    return make(Health::broken, "leaf.not_trusted",
                fmt::format("a certificate of ours does not verify with ca-bundle.pem: {}",
                            to_safe_text(*observed.leaf_complaint, 200)),
                "halton-meter init");
}

Finding judge_database(const Observed& observed) {
    const auto& database = observed.database;
    const auto complaint = to_safe_text(database.complaint, 200);
    switch (database.state) {
        case DatabaseState::State::missing: return good("not made yet");
        case DatabaseState::State::unreadable:
            return make(Health::odd, "database.unreadable", complaint, "halton-meter restart");
        case DatabaseState::State::unsound:
            return make(Health::odd, "database.damaged", complaint, "halton-meter restart");
        case DatabaseState::State::present: break;
    }
    if (observed.daemon && !observed.daemon->store_state.empty() &&
        observed.daemon->store_state != "ok" && observed.daemon->store_state != "starting")
        return make(Health::odd, "database.not_written",
                    fmt::format("the daemon's writer is {}: {}", observed.daemon->store_state,
                                to_safe_text(observed.daemon->store_last_error, 200)),
                    "halton-meter restart");
    // The daemon has made the file and is about to make its tables.
    if (database.schema_number == 0) return good("not made yet");
    if (database.schema_number < database.known_schema_number)
        return make(Health::odd, "database.old_schema",
                    fmt::format("its schema is {}, this program's {}", database.schema_number,
                                database.known_schema_number),
                    "halton-meter restart");
    return good(database.schema_number > database.known_schema_number
                    ? std::string("sound, made by a newer version")
                    : fmt::format("sound, schema {}", database.schema_number));
}

Finding judge_disk(const Observed& observed) {
    if (!observed.free_bytes) return {Health::unknown, {}, "free space is not known", {}};
    const auto mebibytes = *observed.free_bytes / (1024 * 1024);
    if (*observed.free_bytes < low_disk_bytes)
        return make(Health::odd, "disk.low",
                    fmt::format("{} MiB are free: rows may be lost", mebibytes),
                    "df -h ~/.halton-meter");
    return good(fmt::format("{} MiB free", mebibytes));
}

// The command that gives a program our certificate: by the name of a tool, where it is one.
std::string run_command(const std::string& program) {
    const Tool* tool = find_tool({0, program, {}, {}});
    return fmt::format("halton-meter run -- {}", tool ? tool->name : "COMMAND");
}

Finding judge_trust(const Observed& observed) {
    if (!observed.daemon) return {Health::unknown, {}, "told by a running daemon only", {}};
    const auto& refusals = observed.daemon->refusals;
    if (refusals.empty()) return good("no client refuses our certificate");
    const auto& first = refusals.front();
    auto detail = fmt::format(
        "{} does not take our certificate for {}: {} times since {}, and passes unmetered",
        first.program.empty() ? "a client" : to_safe_text(first.program, 60),
        to_safe_text(first.host, 80), first.count, to_safe_text(first.since, 19));
    if (refusals.size() > 1) detail += fmt::format(" (and {} more)", refusals.size() - 1);
    return make(Health::odd, "clients.refused", std::move(detail), run_command(first.program));
}

Finding judge_recording(const Observed& observed) {
    if (!observed.daemon) return {Health::unknown, {}, "told by a running daemon only", {}};
    const auto& daemon = *observed.daemon;
    const auto dropped = daemon.rows_dropped_queue_full + daemon.rows_dropped_error;
    if (dropped > 0)
        return make(Health::odd, "recording.dropped",
                    fmt::format("{} rows were dropped since the daemon's start", dropped),
                    "halton-meter status");
    if (!daemon.is_kill_safe)
        return make(Health::odd, "recording.at_risk",
                    "waiting rows would not outlive a kill: there is no pending-rows file",
                    "halton-meter restart");
    return good(
        fmt::format("{} rows written, {} waiting", daemon.rows_written, daemon.rows_waiting));
}

Finding judge_policies(const Observed& observed) {
    if (!observed.daemon) return {Health::unknown, {}, "told by a running daemon only", {}};
    const auto& policies = observed.daemon->policies;
    if (policies.state == "unreadable" || policies.state == "slow")
        return make(Health::odd, "policies.unreadable",
                    fmt::format("they cannot be read, so every call passes: {}",
                                to_safe_text(policies.last_error, 200)),
                    "halton-meter policy list");
    if (policies.audit_dropped > 0)
        return make(Health::odd, "policies.audit_dropped",
                    fmt::format("{} events could not be written", policies.audit_dropped),
                    "halton-meter status");
    if (policies.hooks_failed > 0)
        return make(Health::odd, "policies.notify_failed",
                    fmt::format("the command of [notify] failed, or was asked too often, {} times",
                                policies.hooks_failed),
                    "halton-meter audit --type policy.");
    auto detail = policies.active == 0
                      ? std::string("none: nothing is blocked")
                      : fmt::format("{} active, {} may block", policies.active, policies.blocking);
    if (policies.undecided > 0)
        detail += fmt::format("; {} calls passed undecided", policies.undecided);
    return good(std::move(detail));
}

}  // namespace

std::vector<DiagnosisRow> judge_running(const Observed& observed) {
    // The ids in `depends_on` are of these rows and of layers.
    return {
        {"edge", "edge", "ports edge-unit edge-agent", judge_edge(observed)},
        {"daemon", "daemon", "data-folder authority daemon-unit daemon-agent",
         judge_daemon(observed)},
        {"intercept", "intercept listener", "daemon", judge_intercept(observed)},
        {"api", "API listener", "daemon", judge_api(observed)},
        {"chain", "edge to daemon", "edge daemon intercept", judge_chain(observed)},
        {"leaf", "certificates", "authority bundle", judge_leaf(observed)},
        {"database", "database", "data-folder disk", judge_database(observed)},
        {"disk", "disk", "", judge_disk(observed)},
        {"clients", "clients' trust", "leaf bundle", judge_trust(observed)},
        {"recording", "recording", "database disk", judge_recording(observed)},
        {"policies", "policies", "database", judge_policies(observed)},
    };
}

}  // namespace halton::setup
