#include "setup/layers/launchd.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/proxy_commands.h"

namespace halton::setup::layers {
namespace {

Questions ask(const Facts& facts) {
    auto questions = ask_agent(facts, Agent::watchdog);
    questions.commands.push_back(list_services_command());
    return questions;
}

// It has nothing to do without it, and would only be started over and over.
bool has_tool(const Facts& facts) { return facts.command(list_services_command()).started; }

Finding judge(const Facts& facts) {
    if (!is_wanted(facts, Mode::env_only)) return off("not installed");
    if (!has_tool(facts)) return off("there is no networksetup here");
    if (const auto plist = judge_plist(facts, Agent::watchdog, "watchdog");
        plist.health != Health::good)
        return odd(plist.code, plist.detail, plist.action);
    const auto kind = agent_state(facts, Agent::watchdog).kind;
    if (kind == AgentState::Kind::unknown)
        return unknown("watchdog.no_session", "launchd tells nothing about this user's agents");
    if (kind == AgentState::Kind::running) return good();
    if (facts.listener(facts.ports.api_port).health_status != 200)
        return off("it runs beside the daemon only");
    return odd("watchdog.down", "the daemon runs, the watchdog does not",
               "halton-meter stop && halton-meter start");
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    if (!has_tool(facts)) return {};
    return plan_agent(facts, wish, Agent::watchdog, Running::started);
}

std::vector<Step> plan_start(const Facts& facts) {
    if (!has_tool(facts)) return {};
    return plan_agent_start(facts, Agent::watchdog, false);
}

std::vector<Step> plan_stop(const Facts& facts) { return plan_agent_stop(facts, Agent::watchdog); }

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    return plan_agent_removal(facts, Agent::watchdog, false);
}

}  // namespace

const Layer watchdog_agent{"watchdog-agent",
                           "watchdog service",
                           "switches the system proxy off when the daemon behind it is gone",
                           false,
                           true,
                           Mode::env_only,
                           "daemon-agent",
                           ask,
                           judge,
                           plan_apply,
                           plan_remove,
                           plan_start,
                           plan_stop};

}  // namespace halton::setup::layers
