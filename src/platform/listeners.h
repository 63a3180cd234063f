// Who listens on a port of this machine, and what a process is. One body per system.
// In:    a port or a pid. Out: what could be found out; nothing for what could not.
// Limits: as platform/socket_owner.h. Blocking; for verbs, not for the I/O thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace halton::platform {

struct ProcessLook {
    std::string executable;    // its path
    bool is_outdated = false;  // that file has been replaced or removed since
    std::optional<std::uint32_t> uid;
};
// Nothing: no such process, or another user's.
std::optional<ProcessLook> look_at_process(int pid);

struct Listening {
    bool is_off_loopback = false;
    std::optional<std::uint32_t> uid;
    std::optional<int> pid;  // where several hold the socket: not the supervisor
};
// Whose the listener is, and no more: tens of microseconds, also beside thousands of connections.
// Nothing: nobody's, or not to be found out.
std::optional<std::uint32_t> find_listener_uid(std::uint16_t port);

// Nothing: nobody listens there, as far as one can see.
std::optional<Listening> find_listener(std::uint16_t port);

}  // namespace halton::platform
