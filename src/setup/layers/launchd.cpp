#include "setup/layers/launchd.h"

#include <fmt/format.h>

#include "setup/layers/parts.h"

namespace halton::setup {
namespace {

using Kind = AgentState::Kind;

// A label is free only when its process has ended: the daemon drains for up to 30 s. Once every
// half second.
constexpr int bootstrap_tries = 70;

std::string text_for(const Facts& facts, Agent agent) {
    return make_plist(facts.folders, agent, facts.ports.edge_port);
}

std::string path_for(const Facts& facts, Agent agent) { return plist_path(facts.folders, agent); }

// The first string of ProgramArguments, where nothing had to be escaped.
std::string find_plist_program(std::string_view plist) {
    constexpr std::string_view begin = "<string>";
    const auto key = plist.find("<key>ProgramArguments</key>");
    const auto from = key == std::string_view::npos ? key : plist.find(begin, key);
    if (from == std::string_view::npos) return {};
    const auto text = plist.substr(from + begin.size());
    const auto program = text.substr(0, text.find('<'));
    return program.find('&') == std::string_view::npos ? std::string(program) : std::string();
}

RunCommand bootout(const Facts& facts, Agent agent) {
    // "No such process" is fine, and "Operation now in progress" means that it is on its way.
    return {.argv = bootout_command(facts.uid, agent), .may_fail = true};
}

RunCommand bootstrap(const Facts& facts, Agent agent) {
    return {.argv = bootstrap_command(facts.folders, facts.uid, agent),
            .tries = bootstrap_tries,
            .undo = bootout_command(facts.uid, agent)};
}

}  // namespace

Questions ask_agent(const Facts& facts, Agent agent) {
    Questions questions{.files = {path_for(facts, agent)},
                        .commands = {print_command(facts.uid, agent)}};
    const auto program = find_plist_program(facts.file(path_for(facts, agent)).text);
    if (!program.empty()) questions.files.push_back(program);
    return questions;
}

AgentState agent_state(const Facts& facts, Agent agent) {
    return read_agent_state(facts.command(print_command(facts.uid, agent)));
}

bool has_session(const Facts& facts) {
    return agent_state(facts, Agent::edge).kind != Kind::unknown;
}

bool is_plist_right(const Facts& facts, Agent agent) {
    const auto& file = facts.file(path_for(facts, agent));
    return file.state == FileFact::State::present && file.text == text_for(facts, agent);
}

bool has_plist(const Facts& facts, Agent agent) {
    return is_present(facts, path_for(facts, agent));
}

std::string find_gone_program(const Facts& facts, Agent agent) {
    const auto program = find_plist_program(facts.file(path_for(facts, agent)).text);
    return !program.empty() && facts.file(program).state == FileFact::State::missing
               ? program
               : std::string();
}

Finding judge_plist(const Facts& facts, Agent agent, const std::string& prefix) {
    if (!has_plist(facts, agent))
        return broken(prefix + ".no_agent", fmt::format("{} is not there", path_for(facts, agent)),
                      init_command(facts));
    if (const auto program = find_gone_program(facts, agent); !program.empty())
        return broken(prefix + ".program_gone",
                      fmt::format("its agent starts {}, which is not there any more", program),
                      init_command(facts));
    if (!is_plist_right(facts, agent))
        return odd(prefix + ".agent_differs",
                   fmt::format("{} is not as this version writes it", path_for(facts, agent)),
                   init_command(facts));
    return good();
}

std::vector<Step> plan_agent(const Facts& facts, const Wish& wish, Agent agent, Running running) {
    std::vector<Step> steps;
    const auto path = path_for(facts, agent);
    const bool was_right = is_plist_right(facts, agent);
    const auto state = agent_state(facts, agent);
    const bool is_loaded = state.kind == Kind::loaded || state.kind == Kind::running;
    // Before the file is written, so that taking both back loads the file of before.
    if (is_loaded && !was_right) {
        auto unload = bootout(facts, agent);
        if (has_plist(facts, agent))
            unload.undo = bootstrap_command(facts.folders, facts.uid, agent);
        steps.push_back(std::move(unload));
    }
    std::vector<Step> file;
    add_file(file, facts, path, text_for(facts, agent), 0644, wish);
    if (!file.empty()) {
        steps.push_back(MakeFolder{parent_of(path), 0755});
        steps.push_back(std::move(file.front()));
    }
    if (state.kind == Kind::unknown) return steps;  // loaded at the next login

    const bool is_loaded_anew = !is_loaded || !was_right;
    if (is_loaded_anew) steps.push_back(bootstrap(facts, agent));
    if (running == Running::as_loaded) return steps;
    if (running == Running::restarted && !is_loaded_anew && state.kind == Kind::running)
        steps.push_back(RunCommand{.argv = restart_command(facts.uid, agent)});
    else if (is_loaded_anew || state.kind == Kind::loaded)
        steps.push_back(RunCommand{.argv = kickstart_command(facts.uid, agent)});
    return steps;
}

std::vector<Step> plan_agent_start(const Facts& facts, Agent agent, bool is_stuck) {
    std::vector<Step> steps;
    const auto kind = agent_state(facts, agent).kind;
    if (!has_plist(facts, agent) || kind == Kind::unknown) return steps;
    if (kind == Kind::absent) steps.push_back(bootstrap(facts, agent));
    if (kind != Kind::running)
        steps.push_back(RunCommand{.argv = kickstart_command(facts.uid, agent)});
    else if (is_stuck)
        steps.push_back(RunCommand{.argv = restart_command(facts.uid, agent)});
    return steps;
}

std::vector<Step> plan_agent_stop(const Facts& facts, Agent agent) {
    const auto kind = agent_state(facts, agent).kind;
    if (kind != Kind::loaded && kind != Kind::running) return {};
    return {bootout(facts, agent)};
}

std::vector<Step> plan_agent_removal(const Facts& facts, Agent agent, bool is_graceful) {
    std::vector<Step> steps;
    const auto kind = agent_state(facts, agent).kind;
    if (!is_graceful && (kind == Kind::loaded || kind == Kind::running))
        steps.push_back(bootout(facts, agent));
    const auto path = path_for(facts, agent);
    add_removal(steps, facts, path);
    if (is_present(facts, path)) steps.push_back(RemoveFolderIfEmpty{parent_of(path)});
    return steps;
}

}  // namespace halton::setup
