#include <fmt/format.h>

#include "base/limits.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/layers/systemd.h"
#include "setup/systemd_unit.h"

namespace halton::setup::layers {
namespace {

std::vector<UnitFile> units(const Facts& facts) {
    return {{daemon_service_unit, "default.target", make_daemon_service(facts)}};
}

std::string stop_note(const Facts& facts) { return facts.folders.in_data("graceful-shutdown"); }

Questions ask(const Facts& facts) {
    auto questions = ask_units(facts, units(facts));
    questions.listeners = {facts.ports.internal_port, facts.ports.api_port};
    questions.files.push_back(stop_note(facts));
    questions.files.push_back(root_file(facts));
    const auto program = find_unit_program(facts.file(unit_path(facts, daemon_service_unit)).text);
    if (!program.empty()) questions.files.push_back(program);
    return questions;
}

Finding judge(const Facts& facts) {
    const auto& intercept = facts.listener(facts.ports.internal_port);
    const auto& api = facts.listener(facts.ports.api_port);
    const bool is_installed = is_wanted(facts, Mode::env_only);
    const auto unit = units(facts).front();
    if (has_bus(facts) && has_unit_file(facts, daemon_service_unit)) {
        const auto program =
            find_unit_program(facts.file(unit_path(facts, daemon_service_unit)).text);
        if (!program.empty() && facts.file(program).state == FileFact::State::missing)
            return broken(
                "daemon.program_gone",
                fmt::format("its service starts {}, which is not there any more", program),
                init_command(facts));
    }
    if (!api.is_bound && !intercept.is_bound) {
        if (!is_installed) return off("not installed");
        if (is_present(facts, stop_note(facts)))
            return off("stopped; to start it: halton-meter start");
        const auto state = read_unit(facts, daemon_service_unit);
        return odd("daemon.down",
                   state.sub_state == "failed"
                       ? fmt::format("it has failed ({}): calls pass unmetered", state.result)
                       : std::string("it does not run: calls pass unmetered"),
                   "halton-meter start");
    }
    if (api.health_status != 200)
        return odd("daemon.unhealthy",
                   api.health_status ? fmt::format("/health answers {}", *api.health_status)
                                     : std::string("it runs, but does not answer /health"),
                   "halton-meter restart");
    if (!is_installed) return off("it runs, but nothing is installed");
    if (has_bus(facts) && !is_unit_right(facts, unit))
        return odd("daemon.unit_differs",
                   fmt::format("{} is not as this version writes it", unit.unit),
                   init_command(facts));
    if (is_of_another_program(facts))
        return odd("daemon.old_program",
                   fmt::format("version {} runs, {} is installed", api.version, facts.version),
                   "halton-meter restart");
    if (has_old_root(facts))
        return odd("daemon.old_root", "it signs with a CA that has been replaced since",
                   "halton-meter restart");
    return good();
}

constexpr int start_limit_ms = static_cast<int>(limits::daemon_start_time.count());

// Whoever of ours listens, by its recorded pid or by its port.
void add_stop(std::vector<Step>& steps, const Facts& facts) {
    for (const auto port : {facts.ports.internal_port, facts.ports.api_port}) {
        const auto& listener = facts.listener(port);
        if (!listener.pid || !is_our_program(facts, listener)) continue;
        steps.push_back(StopProcess{*listener.pid, "daemon"});
        return;
    }
    // Started, and not listening yet.
    if (facts.ports.daemon_pid != 0) steps.push_back(StopProcess{facts.ports.daemon_pid, "daemon"});
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    std::vector<Step> steps;
    add_removal(steps, facts, stop_note(facts));
    if (!has_bus(facts)) {
        if (is_daemon_well(facts)) return steps;
        add_stop(steps, facts);
        steps.push_back(StartProcess{"daemon", {"--drain-in-child"}});
        steps.push_back(AwaitHealth{start_limit_ms});
        return steps;
    }
    const auto files = units(facts);
    for (auto& step : plan_unit_files(facts, wish, files)) steps.push_back(std::move(step));
    const auto state = read_unit(facts, daemon_service_unit);
    const bool is_new =
        facts.file(unit_path(facts, daemon_service_unit)).text != files.front().text;
    if (state.is_active && !is_new && is_daemon_well(facts)) return steps;
    if (!state.is_active) add_stop(steps, facts);
    steps.push_back(
        RunCommand{.argv = systemctl({state.is_active ? "restart" : "start", daemon_service_unit}),
                   .undo = state.is_active ? Argv{} : systemctl({"stop", daemon_service_unit})});
    steps.push_back(AwaitHealth{start_limit_ms});
    return steps;
}

bool has_service(const Facts& facts) {
    return has_bus(facts) && has_unit_file(facts, daemon_service_unit);
}

std::vector<Step> plan_start(const Facts& facts) {
    std::vector<Step> steps;
    add_removal(steps, facts, stop_note(facts));
    if (facts.listener(facts.ports.api_port).health_status == 200) return steps;
    if (has_service(facts)) {
        const auto state = read_unit(facts, daemon_service_unit);
        steps.push_back(
            RunCommand{systemctl({state.is_active ? "restart" : "start", daemon_service_unit})});
    } else {
        add_stop(steps, facts);  // it is there, but not well
        steps.push_back(StartProcess{"daemon", {"--drain-in-child"}});
    }
    steps.push_back(AwaitHealth{start_limit_ms});
    return steps;
}

// The note first: whatever starts the daemon from here on is told.
std::vector<Step> plan_stop(const Facts& facts) {
    std::vector<Step> steps{WriteFile{stop_note(facts), to_iso8601(facts.now) + "\n", 0600}};
    if (has_service(facts)) steps.push_back(RunCommand{systemctl({"stop", daemon_service_unit})});
    if (!read_unit(facts, daemon_service_unit).is_active) add_stop(steps, facts);
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    const auto state = read_unit(facts, daemon_service_unit);
    if (state.is_active)
        steps.push_back(
            RunCommand{.argv = systemctl({"stop", daemon_service_unit}), .may_fail = true});
    else
        add_stop(steps, facts);
    if (state.sub_state == "failed")
        steps.push_back(
            RunCommand{.argv = systemctl({"reset-failed", daemon_service_unit}), .may_fail = true});
    for (auto& step : plan_unit_removal(facts, units(facts), false))
        steps.push_back(std::move(step));
    add_removal(steps, facts, stop_note(facts));
    return steps;
}

}  // namespace

const Layer daemon_unit{"daemon-unit",
                        "daemon service",
                        "meters calls; systemd starts it again a second after a crash; without "
                        "systemd a process of its own",
                        true,
                        false,
                        Mode::env_only,
                        "authority ports user-bus",
                        ask,
                        judge,
                        plan_apply,
                        plan_remove,
                        plan_start,
                        plan_stop};

}  // namespace halton::setup::layers
