#include <fmt/format.h>

#include "setup/layers/launchd.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

namespace halton::setup::layers {
namespace {

constexpr int start_limit_ms = 10'000;

// A port that init chose is not in config.toml, where a plain edge would look.
StartProcess start_plain(const Facts& facts) {
    if (facts.ports.edge_port == facts.configured_ports.edge_port) return {"edge"};
    return {"edge", {"--port", fmt::format("{}", facts.ports.edge_port)}};
}

Questions ask(const Facts& facts) {
    auto questions = ask_agent(facts, Agent::edge);
    questions.listeners.push_back(facts.ports.edge_port);
    return questions;
}

Finding judge(const Facts& facts) {
    const auto& listener = facts.listener(facts.ports.edge_port);
    const bool is_installed = is_wanted(facts, Mode::env_only);
    if (listener.is_bound && is_strangers_port(facts, facts.ports.edge_port))
        return broken("edge.port_taken",
                      fmt::format("port {} belongs to {}", facts.ports.edge_port,
                                  describe_listener(listener)),
                      init_command(facts));
    if (!is_installed)
        return off(listener.is_bound ? "it runs, but nothing is installed" : "not installed");
    const auto plist = judge_plist(facts, Agent::edge, "edge");
    if (plist.code == "edge.program_gone") return plist;
    if (!listener.is_bound)
        return broken("edge.not_listening",
                      fmt::format("nobody listens on 127.0.0.1:{}", facts.ports.edge_port),
                      has_plist(facts, Agent::edge) ? "halton-meter start" : init_command(facts));
    if (!listener.answers_as_edge)
        return broken(
            "edge.silent",
            fmt::format("127.0.0.1:{} is bound, but does not answer as the edge",
                        facts.ports.edge_port),
            fmt::format("launchctl kickstart -k gui/{}/{}", facts.uid, label_of(Agent::edge)));
    if (plist.health == Health::broken)  // it works until the next login
        return odd(plist.code, plist.detail, plist.action);
    if (plist.health != Health::good) return plist;
    if (agent_state(facts, Agent::edge).kind == AgentState::Kind::absent)
        return odd("edge.outside_launchd", "it runs, but launchd did not start it",
                   init_command(facts));
    if (listener.is_outdated)
        return odd("edge.old_program", "it runs a program file that has been replaced since",
                   init_command(facts));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    std::vector<Step> steps;
    const auto& listener = facts.listener(facts.ports.edge_port);
    const bool is_ours = listener.pid && is_our_program(facts, listener);
    const auto kind = agent_state(facts, Agent::edge).kind;
    // One that was started by hand holds the port that launchd is to bind.
    if (kind == AgentState::Kind::absent && is_ours)
        steps.push_back(StopProcess{*listener.pid, "edge"});
    for (auto& step : plan_agent(facts, wish, Agent::edge,
                                 listener.is_outdated ? Running::restarted : Running::as_loaded))
        steps.push_back(std::move(step));
    if (kind == AgentState::Kind::unknown && (!listener.answers_as_edge || listener.is_outdated)) {
        // No GUI session: a process of its own until launchd takes over at the next login.
        if (is_ours) steps.push_back(StopProcess{*listener.pid, "edge"});
        steps.push_back(start_plain(facts));
        steps.push_back(AwaitPort{facts.ports.edge_port, start_limit_ms});
    }
    return steps;
}

// Only where nobody is: a running edge is never touched.
std::vector<Step> plan_start(const Facts& facts) {
    if (facts.listener(facts.ports.edge_port).is_bound) return {};
    auto steps = plan_agent_start(facts, Agent::edge, false);
    if (steps.empty()) steps.push_back(start_plain(facts));
    steps.push_back(AwaitPort{facts.ports.edge_port, start_limit_ms});
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish& wish) {
    auto steps = plan_agent_removal(facts, Agent::edge, wish.is_graceful);
    const auto& listener = facts.listener(facts.ports.edge_port);
    const auto kind = agent_state(facts, Agent::edge).kind;
    const bool is_launchds = kind == AgentState::Kind::loaded || kind == AgentState::Kind::running;
    if (!wish.is_graceful && !is_launchds && listener.pid && is_our_program(facts, listener))
        steps.push_back(StopProcess{*listener.pid, "edge"});
    return steps;
}

}  // namespace

const Layer edge_agent{"edge-agent",
                       "edge service",
                       "launchd binds the proxy port and keeps it, whatever becomes of the edge",
                       false,
                       true,
                       Mode::env_only,
                       "ports",
                       ask,
                       judge,
                       plan_apply,
                       plan_remove,
                       plan_start};

}  // namespace halton::setup::layers
