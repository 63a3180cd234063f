// `reset-proxy`: the emergency exit. Switches off a desktop's proxy setting that points at us;
// needs no config, database or daemon, and changes nothing that is not ours.
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "platform/environment.h"
#include "platform/files.h"
#include "platform/home.h"
#include "platform/process.h"
#include "roles/exit_code.h"
#include "roles/ports.h"
#include "roles/verbs.h"
#include "setup/desktop_proxy.h"
#include "setup/run_environment.h"

namespace halton::roles {
namespace {

// The settings helpers answer in tens of milliseconds; a session bus that is gone takes longer.
constexpr int helper_limit_ms = 5'000;

// What became of one desktop's setting.
enum class Outcome { not_ours, switched_off, failed };

std::vector<std::uint16_t> find_edge_ports() {
    std::vector<std::uint16_t> ports{config::Config{}.edge_port};
    // Also without a readable home or config the default port is known.
    if (const auto home = platform::find_home())
        ports.push_back(find_ports(*home, platform::read_config(*home).config).edge_port);
    return ports;
}

std::string ask_gnome(const char* schema, const char* key) {
    return platform::run_helper({"gsettings", "get", schema, key}, helper_limit_ms).value_or("");
}

Outcome reset_gnome(const std::vector<std::uint16_t>& ports) {
    const auto read = [] {
        return setup::GnomeProxy{ask_gnome("org.gnome.system.proxy", "mode"),
                                 ask_gnome("org.gnome.system.proxy.https", "host"),
                                 ask_gnome("org.gnome.system.proxy.https", "port")};
    };
    if (!setup::is_ours(read(), ports)) return Outcome::not_ours;
    const auto done = platform::run_helper(
        {"gsettings", "set", "org.gnome.system.proxy", "mode", "none"}, helper_limit_ms);
    // Read back: without a session bus gsettings says yes and stores nothing.
    return done && !setup::is_ours(read(), ports) ? Outcome::switched_off : Outcome::failed;
}

Outcome reset_kde(const std::vector<std::uint16_t>& ports) {
    std::filesystem::path folder;
    if (const auto moved = platform::read_variable("XDG_CONFIG_HOME"))
        folder = *moved;
    else if (const auto home = platform::read_variable("HOME"))
        folder = std::filesystem::path(*home) / ".config";
    const auto file = folder / "kioslaverc";
    const auto text = platform::read_file(file, limits::config_bytes_max);
    if (!text || !setup::is_ours(*text, ports)) return Outcome::not_ours;
    if (!platform::write_file_atomically(file, setup::switch_off_kioslaverc(*text), 0600))
        return Outcome::failed;
    // Running programs read the file again at this signal; without a bus they do at their start.
    (void)platform::run_helper({"dbus-send", "--type=signal", "/KIO/Scheduler",
                                "org.kde.KIO.Scheduler.reparseSlaveConfiguration", "string:"},
                               helper_limit_ms);
    return Outcome::switched_off;
}

}  // namespace

int run_reset_proxy(int argc, char** argv) {
    cxxopts::Options options("halton-meter reset-proxy",
                             "Switches off a system proxy that points at halton-meter.\n");
    options.add_options()("h,help", "print this help");
    if (const auto done = parse_flags(options, argc, argv)) return *done;

    const auto ports = find_edge_ports();
    bool has_failed = false;
    bool has_changed = false;
    const auto tell = [&](const char* desktop, Outcome outcome, const char* by_hand) {
        if (outcome == Outcome::switched_off) {
            fmt::print("{}: system proxy switched off\n", desktop);
            has_changed = true;
        }
        if (outcome == Outcome::failed) {
            fmt::print(stderr, "halton-meter: {}: cannot switch the system proxy off; do: {}\n",
                       desktop, by_hand);
            has_failed = true;
        }
    };
    tell("GNOME", reset_gnome(ports), "gsettings set org.gnome.system.proxy mode none");
    tell("KDE", reset_kde(ports),
         "kwriteconfig5 --file kioslaverc --group 'Proxy Settings' --key ProxyType 0");
    if (has_failed) return exit_failed;
    if (!has_changed) fmt::print("Nothing to switch off: no system proxy setting points at us.\n");
    const auto environment = platform::read_environment();
    for (const auto port : ports) {
        if (!environment.contains("HTTPS_PROXY") && !environment.contains("https_proxy")) break;
        if (setup::find_foreign_proxy(environment, port)) continue;
        fmt::print(
            "This shell's HTTPS_PROXY does; to end that, type: unset HTTPS_PROXY "
            "https_proxy\n");
        break;
    }
    return exit_done;
}

}  // namespace halton::roles
