// The system's own proxy setting, whoever keeps it: `networksetup` on macOS, GNOME's and KDE's
// settings on Linux. One routine for all who may have to switch it off in a hurry (watchdog, daemon
// that ends, `reset-proxy`) and for the daemon that switches it on again.
// Which of them a machine has is found by looking, so nothing here depends on the system.
// Fails: never as a whole; what could not be changed is a change that did not work. Blocking: each
// look and change takes tens of milliseconds, at most limits::proxy_tool_time, all of them `limit`.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "setup/system_state.h"

namespace halton::platform {

struct ProxyTools {
    std::string networksetup;  // as it is called; empty: not here
    std::string gsettings;
    std::filesystem::path kioslaverc;  // empty: there is no such file

    bool any() const { return !networksetup.empty() || !gsettings.empty() || !kioslaverc.empty(); }
};
ProxyTools find_proxy_tools();

// One place where something was to be changed.
struct ProxyChange {
    std::string where;  // "Wi-Fi", "GNOME", "KDE"
    bool has_worked = false;
    std::string was;      // "host:port" of somebody else's proxy that was switched off
    std::string by_hand;  // a command to paste, should it not have worked
};

enum class Whose {
    ours,        // what leads to a loopback address with one of the ports
    everybodys,  // macOS: every active network service, whatever its state
};
std::vector<ProxyChange> switch_proxy_off(const ProxyTools& tools, const setup::Ports& ports,
                                          Whose whose, std::chrono::milliseconds limit);

// macOS: every active network service that has no other proxy on. Desktops of Linux: only where our
// setting is still there and was switched off; everything else is the user's.
std::vector<ProxyChange> switch_proxy_on(const ProxyTools& tools, std::uint16_t edge_port,
                                         std::chrono::milliseconds limit);

}  // namespace halton::platform
