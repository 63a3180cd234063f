// Tools that run now, and whether their calls come through us: an environment is read once, at
// their start, so that tools which began earlier, or elsewhere, lead past us or to what is gone.
// In:    processes with the few variables that matter, texts of Claude Code's settings.
// Out:   findings with the command that repairs them. Values of foreign variables are shown only as
//        host and port; nothing else of an environment is kept.
// Fails: never; what is malformed is a finding. Pure.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "setup/layer.h"
#include "setup/run_environment.h"

namespace halton::setup {

// A process of this user.
struct ProcessFact {
    int pid = 0;
    std::string executable;              // absolute path, empty when unknown
    std::vector<std::string> arguments;  // the first few, argv[0] first
    Variables variables;                 // only those of watched_variables()
};

// Names of variables that say where calls go and whom they trust; all that is read of anybody's.
std::span<const std::string_view> watched_variables();

struct Tool {
    std::string_view name;      // as people type it
    std::string_view title;     // as people call it
    std::string_view words;     // names of its program, with blanks between
    std::string_view packages;  // parts of a script's path, with blanks between
    std::string_view ca_names;  // CA variables that it reads; empty: the system's store only
};
std::span<const Tool> known_tools();

// Which tool a process is; null for all others, and for the helpers that a desktop program starts.
const Tool* find_tool(const ProcessFact& process);

// What variables are held against.
struct ToolWorld {
    std::uint16_t edge_port = 0;
    std::string data_folder;
    Mode mode = Mode::none;
    std::vector<std::string> hosts;  // that are metered
    std::function<bool(const std::string& path)> is_file;
    std::function<bool(std::uint16_t port)> is_listening;  // on loopback
};

struct ToolReport {
    std::string name;  // "claude", or "this shell"
    std::string title;
    int pid = 0;                    // 0: not a process
    int more_count = 0;             // further processes that are the same in everything
    std::vector<Finding> findings;  // empty: well
};

// One for each tool that runs, the same ones counted together.
std::vector<ToolReport> judge_tools(const std::vector<ProcessFact>& processes,
                                    const ToolWorld& world);

// The variables of whoever asks.
ToolReport judge_shell(const Variables& variables, const ToolWorld& world);

// The `env` block of Claude Code's settings, which beats the environment it is started with.
std::vector<Finding> judge_claude_settings(std::string_view path, std::string_view text,
                                           const ToolWorld& world);

}  // namespace halton::setup
