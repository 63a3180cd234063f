// Texts of our units for `systemd --user`. Pure.
// The edge's port is a socket unit: systemd binds it and keeps it while the edge is restarted,
// crashes or is upgraded; connections wait in its queue meanwhile. Nothing here gives up: systemd's
// own limits on restarts (5 in 10 s) and on socket activations (20 in 2 s) would close the port.
// A role that is stopped ends at once and leaves a child that finishes tunnels and calls, so only
// the main process is killed, and the next one starts beside that child.
#pragma once

#include <string>
#include <string_view>

#include "setup/machine.h"

namespace halton::setup {

inline constexpr std::string_view edge_socket_unit = "halton-meter-edge.socket";
inline constexpr std::string_view edge_service_unit = "halton-meter-edge.service";
inline constexpr std::string_view daemon_service_unit = "halton-meter.service";
inline constexpr std::string_view watchdog_service_unit = "halton-meter-watchdog.service";

std::string make_edge_socket(const Facts& facts);
std::string make_edge_service(const Facts& facts);
std::string make_daemon_service(const Facts& facts);
std::string make_watchdog_service(const Facts& facts);

// The program of an ExecStart= line or a word of an Environment= line, where '$' means nothing.
std::string quote_for_unit(std::string_view word);

}  // namespace halton::setup
