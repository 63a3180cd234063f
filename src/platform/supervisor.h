// What the supervisor that started us gives and wants to hear: listening sockets that it bound
// before we were there (systemd's socket units, launchd's Sockets), and when we are ready. One body
// per system. Both are for the process that was started, never for its children: the variables that
// tell of them are taken out of the environment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/socket.h"

namespace halton::platform {

struct GivenSocket {
    std::string name;  // FileDescriptorName= of systemd, the key below Sockets of launchd
    Socket socket;     // closed on exec
};

// The sockets that were given to this very process; the second call finds none. Variables that make
// no sense, or are another process's, give none. launchd wants to be asked by name.
std::vector<GivenSocket> take_given_sockets(const char* name);

// Tells a supervisor that waits for it, one "KEY=value" a line ("READY=1"). Does nothing where
// nobody listens, and never waits.
void tell_supervisor(std::string_view lines);

}  // namespace halton::platform
