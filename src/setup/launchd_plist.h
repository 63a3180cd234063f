// Texts of our launchd agents, and how launchctl is asked about them. Pure.
// Edge: launchd itself holds its port (`Sockets`), so that connections wait in its queue while the
// edge is restarted. Daemon: no `KeepAlive` key at all, since any value of it means loading at
// login; it runs when `start` says so. Watchdog: beside the daemon. Userenv: once at each login.
// Only bootstrap, bootout, kickstart and print are used, in the domain gui/<uid>.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "setup/layer.h"

namespace halton::setup {

enum class Agent { edge, daemon, watchdog, userenv };
inline constexpr std::array all_agents{Agent::edge, Agent::daemon, Agent::watchdog, Agent::userenv};

std::string_view label_of(Agent agent);  // "com.haltonlabs.meter.edge"
std::string_view verb_of(Agent agent);   // "edge": what the program is started with
std::string plist_path(const Folders& folders, Agent agent);
std::string make_plist(const Folders& folders, Agent agent, std::uint16_t edge_port);

// & < > and quotes as entities; control characters, which XML cannot carry, become '?'.
std::string escape_xml(std::string_view text);

Argv print_command(std::uint32_t uid, Agent agent);
Argv bootstrap_command(const Folders& folders, std::uint32_t uid, Agent agent);
Argv bootout_command(std::uint32_t uid, Agent agent);
// Starts it, unless it runs.
Argv kickstart_command(std::uint32_t uid, Agent agent);
// Ends what runs and starts it again; its sockets stay with launchd meanwhile.
Argv restart_command(std::uint32_t uid, Agent agent);

// launchctl's own words for an installation of ours; others are taken as they come.
struct AgentState {
    enum class Kind {
        unknown,  // no launchctl, or no GUI session of this user (SSH)
        absent,   // not loaded
        loaded,   // and no process of it now
        running,
    };
    Kind kind = Kind::unknown;
    std::optional<int> pid;
    std::optional<int> last_exit_code;
    std::string program;  // as loaded, which may be an older path than the file's
};
// What `launchctl print` said.
AgentState read_agent_state(const CommandFact& printed);

// Variables of the user's session, for what is started from Dock and Spotlight.
Argv get_variable_command(std::string_view name);
Argv set_variable_command(std::string_view name, std::string_view value);
Argv unset_variable_command(std::string_view name);

}  // namespace halton::setup
