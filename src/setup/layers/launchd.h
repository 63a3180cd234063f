// What the layers of launchd's agents share: questions, states and the steps of an agent. Pure.
#pragma once

#include <string>
#include <vector>

#include "setup/launchd_plist.h"
#include "setup/layer.h"

namespace halton::setup {

Questions ask_agent(const Facts& facts, Agent agent);
AgentState agent_state(const Facts& facts, Agent agent);

// A GUI session of this user is there, so that launchd takes agents.
bool has_session(const Facts& facts);

// The file on disk is there and has this version's text.
bool is_plist_right(const Facts& facts, Agent agent);
bool has_plist(const Facts& facts, Agent agent);

// The program that the file starts, if that is not there any more; else empty.
std::string find_gone_program(const Facts& facts, Agent agent);

// What to do about a finding of launchd: nothing is loaded, another version of it, ...
Finding judge_plist(const Facts& facts, Agent agent, const std::string& prefix);

enum class Running {
    as_loaded,  // launchd starts it by itself (RunAtLoad)
    started,    // it is to run now
    restarted,  // ... and what runs is to be replaced
};
// File and load; what is loaded and right is left alone.
std::vector<Step> plan_agent(const Facts& facts, const Wish& wish, Agent agent, Running running);
// `start` and `stop`: load and run what has a file; unload. `is_stuck`: what runs is to be
// replaced.
std::vector<Step> plan_agent_start(const Facts& facts, Agent agent, bool is_stuck);
std::vector<Step> plan_agent_stop(const Facts& facts, Agent agent);
// Unload and remove the file; gracefully: only the file, so that it does not come back.
std::vector<Step> plan_agent_removal(const Facts& facts, Agent agent, bool is_graceful);

}  // namespace halton::setup
