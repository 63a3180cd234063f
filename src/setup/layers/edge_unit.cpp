#include <fmt/format.h>

#include "base/limits.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/layers/systemd.h"
#include "setup/systemd_unit.h"

namespace halton::setup::layers {
namespace {

constexpr int start_limit_ms = 10'000;

std::vector<UnitFile> units(const Facts& facts) {
    return {{edge_socket_unit, "sockets.target", make_edge_socket(facts)},
            {edge_service_unit, "default.target", make_edge_service(facts)}};
}

Questions ask(const Facts& facts) {
    auto questions = ask_units(facts, units(facts));
    questions.listeners.push_back(facts.ports.edge_port);
    // Whether the program of the unit file is still there.
    const auto program = find_unit_program(facts.file(unit_path(facts, edge_service_unit)).text);
    if (!program.empty()) questions.files.push_back(program);
    return questions;
}

Finding judge(const Facts& facts) {
    const auto& listener = facts.listener(facts.ports.edge_port);
    const bool is_installed = is_wanted(facts, Mode::env_only);
    const auto service = read_unit(facts, edge_service_unit);
    if (has_bus(facts) && has_unit_file(facts, edge_service_unit)) {
        const auto program =
            find_unit_program(facts.file(unit_path(facts, edge_service_unit)).text);
        if (!program.empty() && facts.file(program).state == FileFact::State::missing)
            return broken(
                "edge.program_gone",
                fmt::format("its service starts {}, which is not there any more", program),
                init_command(facts));
    }
    if (listener.is_bound && is_strangers_port(facts, facts.ports.edge_port))
        return broken("edge.port_taken",
                      fmt::format("port {} belongs to {}", facts.ports.edge_port,
                                  describe_listener(listener)),
                      init_command(facts));
    if (!listener.is_bound) {
        if (!is_installed) return off("not installed");
        return broken("edge.not_listening",
                      fmt::format("nobody listens on 127.0.0.1:{}", facts.ports.edge_port),
                      "halton-meter start");
    }
    if (!listener.answers_as_edge)
        return broken("edge.silent",
                      fmt::format("127.0.0.1:{} is bound, but does not answer as the edge",
                                  facts.ports.edge_port),
                      has_bus(facts) ? "systemctl --user restart halton-meter-edge.service"
                                     : "halton-meter start");
    if (!is_installed) return off("it runs, but nothing is installed");
    if (has_bus(facts)) {
        for (const auto& unit : units(facts))
            if (!is_unit_right(facts, unit))
                return odd("edge.unit_differs",
                           fmt::format("{} is not as this version writes it", unit.unit),
                           init_command(facts));
        if (!service.is_active)
            return odd("edge.outside_systemd", "it runs, but systemd did not start it",
                       init_command(facts));
    }
    if (listener.is_outdated)
        return odd("edge.old_program", "it runs a program file that has been replaced since",
                   init_command(facts));
    return good();
}

// An edge that runs hands its port over and serves its tunnels to their end. A port that init chose
// is not in config.toml, where a plain edge would look.
StartProcess start_edge(const Facts& facts) {
    StartProcess start{"edge", {"--replace", "--drain-in-child"}};
    if (facts.ports.edge_port != facts.configured_ports.edge_port)
        start.flags.insert(start.flags.end(), {"--port", fmt::format("{}", facts.ports.edge_port)});
    return start;
}

std::vector<Step> plan_plain(const Facts& facts) {
    const auto& listener = facts.listener(facts.ports.edge_port);
    if (listener.answers_as_edge && !listener.is_outdated) return {};
    std::vector<Step> steps;
    // One that does not answer does not hand over either.
    if (!listener.answers_as_edge && listener.pid && is_our_program(facts, listener))
        steps.push_back(StopProcess{*listener.pid, "edge"});
    steps.push_back(start_edge(facts));
    steps.push_back(AwaitPort{facts.ports.edge_port, start_limit_ms});
    // Another port is wished for: nobody would know the old one's process any more.
    if (!listener.is_bound && facts.ports.edge_pid != 0)
        steps.push_back(StopProcess{facts.ports.edge_pid, "edge"});
    return steps;
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    if (!has_bus(facts)) return plan_plain(facts);
    const auto files = units(facts);
    auto steps = plan_unit_files(facts, wish, files);
    const auto& listener = facts.listener(facts.ports.edge_port);
    const auto socket = read_unit(facts, edge_socket_unit);
    const auto service = read_unit(facts, edge_service_unit);
    // Bound elsewhere: the port was changed. Other differences of its text can wait for a boot.
    const bool is_socket_elsewhere = socket.is_active && !listener.is_bound;
    const auto& present = facts.file(unit_path(facts, edge_service_unit));
    const bool is_service_new =
        service.is_active &&
        ((present.state == FileFact::State::present && present.text != files[1].text) ||
         listener.is_outdated);
    // One that was started by hand holds the port that systemd is to bind.
    if (!socket.is_active && listener.pid && is_our_program(facts, listener))
        steps.push_back(StopProcess{*listener.pid, "edge"});
    if (is_socket_elsewhere) {
        steps.push_back(RunCommand{.argv = systemctl({"stop", edge_service_unit})});
        steps.push_back(RunCommand{.argv = systemctl({"restart", edge_socket_unit}), .tries = 3});
        steps.push_back(RunCommand{.argv = systemctl({"start", edge_service_unit})});
        return steps;
    }
    if (!socket.is_active)
        steps.push_back(RunCommand{.argv = systemctl({"start", edge_socket_unit}),
                                   .tries = 3,
                                   .undo = systemctl({"stop", edge_socket_unit})});
    if (is_service_new) {
        // Connections wait in the socket's queue meanwhile.
        steps.push_back(RunCommand{.argv = systemctl({"restart", edge_service_unit})});
    } else if (!service.is_active) {
        steps.push_back(RunCommand{.argv = systemctl({"start", edge_service_unit}),
                                   .undo = systemctl({"stop", edge_service_unit})});
    }
    return steps;
}

// A missing edge is started; a running one is left alone, whatever it is.
std::vector<Step> plan_start(const Facts& facts) {
    if (!has_bus(facts) || !has_unit_file(facts, edge_service_unit)) {
        const auto& listener = facts.listener(facts.ports.edge_port);
        if (listener.is_bound) return {};
        return {start_edge(facts), AwaitPort{facts.ports.edge_port, start_limit_ms}};
    }
    std::vector<Step> steps;
    if (!read_unit(facts, edge_socket_unit).is_active)
        steps.push_back(RunCommand{.argv = systemctl({"start", edge_socket_unit}), .tries = 3});
    if (!read_unit(facts, edge_service_unit).is_active)
        steps.push_back(RunCommand{systemctl({"start", edge_service_unit})});
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish& wish) {
    std::vector<Step> steps;
    const auto& listener = facts.listener(facts.ports.edge_port);
    const auto socket = read_unit(facts, edge_socket_unit);
    const auto service = read_unit(facts, edge_service_unit);
    if (!wish.is_graceful) {
        if (socket.is_active || service.is_active)
            steps.push_back(
                RunCommand{.argv = systemctl({"stop", edge_socket_unit, edge_service_unit}),
                           .may_fail = true});
        // What finishes tunnels beside it has to go as well.
        if (service.is_active)
            steps.push_back(
                RunCommand{.argv = systemctl({"kill", "--signal=SIGKILL", edge_service_unit}),
                           .may_fail = true});
        if (!service.is_active && listener.pid && is_our_program(facts, listener))
            steps.push_back(StopProcess{*listener.pid, "edge"});
        else if (!service.is_active && facts.ports.edge_pid != 0)  // not listening yet
            steps.push_back(StopProcess{facts.ports.edge_pid, "edge"});
        if (service.sub_state == "failed" || socket.sub_state == "failed")
            steps.push_back(
                RunCommand{.argv = systemctl({"reset-failed", edge_socket_unit, edge_service_unit}),
                           .may_fail = true});
    }
    for (auto& step : plan_unit_removal(facts, units(facts), wish.is_graceful))
        steps.push_back(std::move(step));
    return steps;
}

}  // namespace

const Layer edge_unit{"edge-unit",
                      "edge service",
                      "systemd binds the proxy port and keeps it, whatever becomes of the edge; "
                      "without systemd a process of its own",
                      true,
                      false,
                      Mode::env_only,
                      "ports user-bus",
                      ask,
                      judge,
                      plan_apply,
                      plan_remove,
                      plan_start};

}  // namespace halton::setup::layers
