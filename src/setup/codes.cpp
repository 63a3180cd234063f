#include "setup/codes.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace halton::setup {
namespace {

// Sorted. A code keeps its meaning for ever; what is not needed any more leaves and never returns.
constexpr Code codes[] = {
    {"api.not_bound", "the daemon runs, its API port is free", "halton-meter restart"},
    {"bundle.lacks_own", "a root that your own variables name is not in ca-bundle.pem",
     "halton-meter init"},
    {"bundle.missing", "ca-bundle.pem is not there", "halton-meter init"},
    {"bundle.old", "the system's roots have changed since ca-bundle.pem was made",
     "halton-meter init"},
    {"bundle.only_ours", "ca-bundle.pem holds our root alone", "halton-meter init"},
    {"bundle.other_root", "ca-bundle.pem holds another root of ours", "halton-meter init"},
    {"bundle.unreadable", "ca-bundle.pem cannot be read", "ls -l ~/.halton-meter/ca-bundle.pem"},
    {"bus.no_systemd", "this machine has no systemd for users", "halton-meter start"},
    {"bus.not_reachable", "systemd's user bus cannot be reached from here",
     "export XDG_RUNTIME_DIR=/run/user/$(id -u)"},
    {"ca.damaged", "certificate and key of the CA do not load, or do not belong together",
     "halton-meter init"},
    {"ca.key_readable", "others can read the CA's key", "chmod 600 ~/.halton-meter/ca/ca-key.pem"},
    {"ca.missing", "there is no CA", "halton-meter init"},
    {"ca.outdated", "the CA expires soon, or does not permit all metered hosts",
     "halton-meter init"},
    {"ca.unreadable", "the CA's files cannot be read", "ls -l ~/.halton-meter/ca"},
    {"chain.no_edge", "without the edge nothing is metered", "halton-meter start"},
    {"chain.passthrough", "the edge tunnels everything unread although the daemon is well",
     "halton-meter rescue"},
    {"claude.all_proxy", "Claude Code's settings set ALL_PROXY", "edit its settings.json"},
    {"claude.base_url", "Claude Code's settings lead to a host that is not metered",
     "edit its settings.json"},
    {"claude.ca", "Claude Code's settings replace our CA file", "edit its settings.json"},
    {"claude.ca_file_gone", "Claude Code's settings name a CA file that is not there",
     "edit its settings.json"},
    {"claude.no_proxy", "Claude Code's settings keep providers away from the proxy",
     "edit its settings.json"},
    {"claude.proxy", "Claude Code's settings lead to another proxy", "edit its settings.json"},
    {"claude.settings_malformed", "a settings file of Claude Code is no JSON object",
     "edit its settings.json"},
    {"claude.system_ca", "Claude Code's settings have --use-system-ca", "edit its settings.json"},
    {"daemon.down", "the daemon does not run; calls pass unmetered", "halton-meter start"},
    {"daemon.old_program", "the daemon runs another version", "halton-meter restart"},
    {"daemon.program_gone", "its service starts a program that is not there", "halton-meter init"},
    {"daemon.stopped", "the daemon was stopped on purpose", "halton-meter start"},
    {"daemon.unhealthy", "the daemon does not answer /health with 200", "halton-meter restart"},
    {"daemon.unit_differs", "its service file is not as this version writes it",
     "halton-meter init"},
    {"data.missing", "the data folder is not there", "halton-meter init"},
    {"data.no_home", "neither HOME nor HALTON_METER_HOME says where the data folder is",
     "export HOME=/home/you"},
    {"data.not_a_folder", "the data folder is something else", "ls -ld ~/.halton-meter"},
    {"data.other_owner", "the data folder belongs to another user",
     "sudo chown -R $(id -u) ~/.halton-meter"},
    {"data.readable_by_others", "the data folder is open to other users",
     "chmod 700 ~/.halton-meter"},
    {"database.damaged", "SQLite says that the database is not sound", "halton-meter restart"},
    {"database.not_written", "the daemon cannot write rows now", "halton-meter restart"},
    {"database.old_schema", "the database waits for a migration", "halton-meter restart"},
    {"database.unreadable", "the database cannot be opened", "halton-meter restart"},
    {"disk.low", "less than 100 MiB are free where the data folder is", "df -h ~/.halton-meter"},
    {"edge.not_listening", "nobody listens on the edge's port", "halton-meter start"},
    {"edge.old_program", "the edge runs another version", "halton-meter init"},
    {"edge.outside_systemd", "the edge runs, but systemd did not start it", "halton-meter init"},
    {"edge.port_taken", "somebody else listens on the edge's port", "ss -tlnp"},
    {"edge.program_gone", "its service starts a program that is not there", "halton-meter init"},
    {"edge.silent", "the edge's port accepts connections and does not answer",
     "halton-meter rescue"},
    {"edge.unit_differs", "its service file is not as this version writes it", "halton-meter init"},
    {"env.all_proxy", "ALL_PROXY is set: some tools then send https:// requests in clear",
     "unset ALL_PROXY all_proxy"},
    {"env.base_url", "a base URL leads to a host that is not metered", "unset ANTHROPIC_BASE_URL"},
    {"env.ca_file_gone", "a CA variable names a file that is not there",
     "halton-meter run -- TOOL"},
    {"env.dead_port", "HTTPS_PROXY leads to a port where nobody listens",
     "halton-meter run -- TOOL"},
    {"env.foreign_proxy", "HTTPS_PROXY leads to another proxy", "halton-meter run -- TOOL"},
    {"env.no_ca", "the proxy is ours, but no CA variable that the tool reads is set",
     "halton-meter run -- TOOL"},
    {"env.no_proxy_covers", "NO_PROXY keeps providers away from the proxy",
     "unset NO_PROXY no_proxy"},
    {"env.not_metered", "the tool runs without our proxy", "halton-meter run -- TOOL"},
    {"env.other_port", "HTTPS_PROXY leads to another port of this machine",
     "halton-meter run -- TOOL"},
    {"env.system_ca", "the system's roots replace those of the CA variables", "unset NODE_OPTIONS"},
    {"intercept.not_bound", "the daemon runs, its intercept port is free", "halton-meter restart"},
    {"leaf.not_trusted", "a certificate of ours does not verify with ca-bundle.pem",
     "halton-meter init"},
    {"linger.off", "services of this user end with the last session",
     "sudo loginctl enable-linger $USER"},
    {"ports.no_record", "effective-ports.json is missing or damaged", "halton-meter init"},
    {"ports.off_loopback", "one of our ports is open to the network", "halton-meter restart"},
    {"ports.taken", "a port of ours belongs to somebody else", "halton-meter init"},
    {"rc.differs", "the block in a shell's file is not as this version writes it",
     "halton-meter init --apps"},
    {"rc.left", "a shell's file has a block that the mode does not want", "halton-meter init"},
    {"rc.missing", "a shell's file lacks its block", "halton-meter init --apps"},
    {"rc.unreadable", "a shell's file cannot be read", "ls -l ~/.bashrc"},
    {"recording.at_risk", "waiting rows would not outlive a kill of the daemon",
     "halton-meter restart"},
    {"recording.dropped", "rows were lost since the daemon's start", "halton-meter status"},
    {"sentinels.disagree", "the notes of the installation disagree with its mode",
     "halton-meter init"},
    {"sentinels.no_mode", "parts of an installation are noted, but no mode",
     "halton-meter init --apps"},
    {"sentinels.unknown_mode", "install-mode holds an unknown word", "halton-meter init --apps"},
    {"session.differs", "the session's variables are not as this version sets them",
     "halton-meter init --apps"},
    {"session.foreign_proxy", "the session's proxy is another one", "halton-meter init --apps"},
    {"session.left", "the session has variables that the mode does not want", "halton-meter init"},
    {"session.missing", "the session lacks our variables", "halton-meter init --apps"},
    {"session.points_nowhere", "the session's proxy leads to a port where nobody listens",
     "halton-meter start"},
    {"trust.refused", "a client does not take our certificate and passes unmetered",
     "halton-meter run -- TOOL"},
    {"watchdog.down", "the watchdog does not run", "halton-meter restart"},
    {"watchdog.left", "a watchdog is installed that the mode does not want", "halton-meter init"},
    {"watchdog.no_bus", "without a user bus nothing watches over the system proxy",
     "export XDG_RUNTIME_DIR=/run/user/$(id -u)"},
    {"watchdog.unit_differs", "its service file is not as this version writes it",
     "halton-meter init"},
};

}  // namespace

std::span<const Code> all_codes() { return codes; }

const Code* find_code(std::string_view code) {
    const auto found = std::find_if(std::begin(codes), std::end(codes),
                                    [code](const Code& known) { return known.code == code; });
    return found == std::end(codes) ? nullptr : found;
}

std::string print_codes() {
    std::string text = "| Code | Means | Mostly repaired by |\n|---|---|---|\n";
    for (const Code& code : codes)
        text += fmt::format("| `{}` | {} | `{}` |\n", code.code, code.meaning, code.command);
    return text;
}

}  // namespace halton::setup
