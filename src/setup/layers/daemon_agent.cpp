#include <fmt/format.h>

#include "base/limits.h"
#include "setup/layers/launchd.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

namespace halton::setup::layers {
namespace {

constexpr int start_limit_ms = static_cast<int>(limits::daemon_start_time.count());

std::string stop_note(const Facts& facts) { return facts.folders.in_data("graceful-shutdown"); }

Questions ask(const Facts& facts) {
    auto questions = ask_agent(facts, Agent::daemon);
    questions.listeners = {facts.ports.internal_port, facts.ports.api_port};
    questions.files.push_back(stop_note(facts));
    questions.files.push_back(root_file(facts));
    return questions;
}

Finding judge(const Facts& facts) {
    const auto& api = facts.listener(facts.ports.api_port);
    const bool is_there = api.is_bound || facts.listener(facts.ports.internal_port).is_bound;
    if (!is_wanted(facts, Mode::env_only))
        return off(is_there ? "it runs, but nothing is installed" : "not installed");
    const auto plist = judge_plist(facts, Agent::daemon, "daemon");
    if (plist.health == Health::broken) return plist;
    if (!is_there) {
        if (is_present(facts, stop_note(facts)))
            return off("stopped; to start it: halton-meter start");
        const auto code = agent_state(facts, Agent::daemon).last_exit_code;
        return odd("daemon.down",
                   code && *code != 0
                       ? fmt::format("it has failed (exit code {}): calls pass unmetered", *code)
                       : std::string("it does not run: calls pass unmetered"),
                   "halton-meter start");
    }
    if (api.health_status != 200)
        return odd("daemon.unhealthy",
                   api.health_status ? fmt::format("/health answers {}", *api.health_status)
                                     : std::string("it runs, but does not answer /health"),
                   "halton-meter restart");
    if (plist.health != Health::good) return plist;
    if (is_of_another_program(facts))
        return odd("daemon.old_program",
                   fmt::format("version {} runs, {} is installed", api.version, facts.version),
                   "halton-meter restart");
    if (has_old_root(facts))
        return odd("daemon.old_root", "it signs with a CA that has been replaced since",
                   "halton-meter restart");
    return good();
}

// Whoever of ours listens, by its port.
void add_stop(std::vector<Step>& steps, const Facts& facts) {
    for (const auto port : {facts.ports.internal_port, facts.ports.api_port}) {
        const auto& listener = facts.listener(port);
        if (!listener.pid || !is_our_program(facts, listener)) continue;
        steps.push_back(StopProcess{*listener.pid, "daemon"});
        return;
    }
}

bool is_launchds(const Facts& facts) {
    const auto kind = agent_state(facts, Agent::daemon).kind;
    return kind == AgentState::Kind::loaded || kind == AgentState::Kind::running;
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    std::vector<Step> steps;
    add_removal(steps, facts, stop_note(facts));
    const auto kind = agent_state(facts, Agent::daemon).kind;
    const bool is_plain = kind == AgentState::Kind::unknown;
    const bool is_right = is_daemon_well(facts) && is_plist_right(facts, Agent::daemon);
    // One that launchd does not know holds the ports.
    if (kind == AgentState::Kind::absent || (is_plain && !is_daemon_well(facts))) add_stop(steps, facts);
    for (auto& step : plan_agent(facts, wish, Agent::daemon,
                                 is_daemon_well(facts) ? Running::started : Running::restarted))
        steps.push_back(std::move(step));
    if (is_plain && !is_daemon_well(facts)) steps.push_back(StartProcess{"daemon"});
    const bool is_untouched = is_right && kind != AgentState::Kind::absent;
    if (!is_untouched && !(is_plain && is_daemon_well(facts)))
        steps.push_back(AwaitHealth{start_limit_ms});
    return steps;
}

std::vector<Step> plan_start(const Facts& facts) {
    std::vector<Step> steps;
    add_removal(steps, facts, stop_note(facts));
    if (facts.listener(facts.ports.api_port).health_status == 200) return steps;
    if (!is_launchds(facts)) add_stop(steps, facts);  // it is there, but not well
    auto start = plan_agent_start(facts, Agent::daemon, true);
    if (start.empty()) start.push_back(StartProcess{"daemon"});
    for (auto& step : start) steps.push_back(std::move(step));
    steps.push_back(AwaitHealth{start_limit_ms});
    return steps;
}

// The note first: whatever starts the daemon from here on is told.
std::vector<Step> plan_stop(const Facts& facts) {
    std::vector<Step> steps{WriteFile{stop_note(facts), to_iso8601(facts.now) + "\n", 0600}};
    if (!is_launchds(facts)) add_stop(steps, facts);
    for (auto& step : plan_agent_stop(facts, Agent::daemon)) steps.push_back(std::move(step));
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    auto steps = plan_agent_removal(facts, Agent::daemon, false);
    if (!is_launchds(facts)) add_stop(steps, facts);
    add_removal(steps, facts, stop_note(facts));
    return steps;
}

}  // namespace

const Layer daemon_agent{"daemon-agent",
                         "daemon service",
                         "meters calls; after a crash or a reboot it stays down until "
                         "`halton-meter start`, and calls pass unmetered",
                         false,
                         true,
                         Mode::env_only,
                         "authority ports edge-agent",
                         ask,
                         judge,
                         plan_apply,
                         plan_remove,
                         plan_start,
                         plan_stop};

}  // namespace halton::setup::layers
