#include "setup/layers/launchd.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

namespace halton::setup::layers {
namespace {

Questions ask(const Facts& facts) { return ask_agent(facts, Agent::userenv); }

Finding judge(const Facts& facts) {
    if (!is_wanted(facts, Mode::env_only)) return off("not installed");
    if (const auto plist = judge_plist(facts, Agent::userenv, "userenv");
        plist.health != Health::good)
        return odd(plist.code, plist.detail, plist.action);
    const auto state = agent_state(facts, Agent::userenv);
    if (state.kind == AgentState::Kind::unknown)
        return unknown("userenv.no_session", "launchd tells nothing about this user's agents");
    if (state.kind == AgentState::Kind::absent)
        return odd("userenv.not_loaded", "launchd has not loaded it: it would not run at login",
                   init_command(facts));
    if (state.last_exit_code && *state.last_exit_code != 0)
        return odd("userenv.failed", "it failed at the last login", init_command(facts));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    return plan_agent(facts, wish, Agent::userenv, Running::as_loaded);
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    return plan_agent_removal(facts, Agent::userenv, false);
}

}  // namespace

const Layer userenv_agent{"userenv-agent",
                          "login agent",
                          "sets the session's variables again at each login, in the modes that "
                          "have them",
                          false,
                          true,
                          Mode::env_only,
                          "",
                          ask,
                          judge,
                          plan_apply,
                          plan_remove};

}  // namespace halton::setup::layers
