// Facts about this machine's network interfaces, and process-wide settings for sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace halton::platform {

// Whether an address (as text, IPv4 or IPv6) belongs to this machine: loopback, unspecified,
// IPv4-mapped forms of these, or an address of one of its interfaces now.
bool is_own_address(const std::string& address);

// Whether a listener could be bound there now, on IPv4 loopback. Somebody's outgoing connection can
// hold a port on which nobody listens.
bool can_listen(std::uint16_t port);

// A write to a closed socket is an error value, not a signal; a proxy needs as many descriptors as
// it may have, and leaves no core dump that would hold keys. Call once at the start of a role.
void prepare_role_process();

// How many descriptors this process may have at once, now: others may change it.
std::size_t descriptor_limit();

}  // namespace halton::platform
