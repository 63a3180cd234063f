// What is known of a machine and of the installation on it: answers to questions that the layers of
// layer.h ask. Values only: `platform/` and `roles/` look, pure code judges and plans, and a test
// (or a recording of another system's commands) answers in their place. What could not be found
// out is a value too, never an error.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/ports_file.h"

namespace halton::setup {

enum class System { linux, macos };

// How far an installation reaches; the text of the file `install-mode`. `none`: not installed.
enum class Mode { none, env_only, apps, full };

std::string_view to_text(Mode mode);               // "none", "env-only", "apps", "full"
std::optional<Mode> parse_mode(std::string_view);  // trimmed; nothing for other words

// Absolute paths, without a slash at their end.
struct Folders {
    std::string user_home;    // HOME
    std::string data;         // ~/.halton-meter, or HALTON_METER_HOME
    std::string user_config;  // XDG_CONFIG_HOME, or ~/.config
    std::string program;      // this executable; goes into supervisor files

    // "name" in the data folder, as an absolute path.
    std::string in_data(std::string_view name) const;
    // What has been made outside of the data folder, a folder a line: only these are ever removed.
    std::string made_folders_file() const { return in_data("made-folders"); }
};

using Argv = std::vector<std::string>;

struct FileFact {
    enum class State { missing, unreadable, present, folder };
    State state = State::missing;
    std::string text;          // of a present file, bounded by limits::setup_file_bytes_max
    unsigned permissions = 0;  // 0600
    std::uint32_t owner_uid = 0;
    std::string link_target;  // where the path is a symbolic link: what it leads to, else empty
};

// What a short command said. `started` is false where the program does not exist here.
struct CommandFact {
    bool started = false;
    int exit_code = 0;
    std::string output;  // stdout, and for a failure stderr after it; bounded
};

// Who listens on a loopback port.
struct ListenerFact {
    bool is_bound = false;
    bool is_off_loopback = false;  // bound to more than loopback
    std::optional<int> pid;        // nothing: another user's, or not to be found out
    std::optional<std::uint32_t> uid;
    std::string program;               // path of its executable, empty when unknown
    bool is_outdated = false;          // that file has been replaced or removed since
    std::optional<int> health_status;  // the API port: the status of GET /health
    bool answers_as_edge = false;      // the edge port: it answered our probe host by itself
    bool chains = false;               // ... and the daemon answered behind it
    std::string version;               // the API port: what /health tells
    std::string root_fingerprint;      // ... of the CA it signs with: hex SHA-256
};

// Facts by the question that was asked; a question that was not answered has no entry.
struct Facts {
    System system = System::linux;
    Folders folders;
    std::string version;  // of this program
    std::uint32_t uid = 0;
    std::string user_name;
    UtcTime now{};
    config::EffectivePorts ports;             // in force or wanted; pids only of live roles of ours
    config::EffectivePorts configured_ports;  // those of config.toml
    bool has_upstream_proxy = false;          // [upstream] proxy of config.toml
    std::vector<std::string> hosts;           // that are decrypted: what the root must permit
    bool has_terminal = false;                // somebody can be asked for a password
    std::map<std::string, std::string, std::less<>> environment;  // of whoever asks
    std::map<std::string, FileFact, std::less<>> files;           // by absolute path
    std::map<Argv, CommandFact> commands;
    std::map<std::uint16_t, ListenerFact> listeners;

    // Missing entries read as a missing file, a command that did not start, a free port.
    const FileFact& file(std::string_view path) const;
    const CommandFact& command(const Argv& argv) const;
    const ListenerFact& listener(std::uint16_t port) const;

    Mode recorded_mode() const;  // from the file `install-mode`; none where it is not there
};

struct Questions {
    std::vector<std::string> files;
    std::vector<Argv> commands;  // must change nothing
    std::vector<std::uint16_t> listeners;
};

}  // namespace halton::setup
