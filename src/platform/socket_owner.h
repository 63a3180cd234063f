// Which process owns a client's socket on this machine, and what attribution wants to know of it.
// In:    the two ends of the client's loopback connection to the edge.
// Out:   ClientProcess: whatever could be read before the process was gone.
// Limits: socket_owner_time_max of work, socket_owner_fd_count_max, seen_socket_count_max; recently seen
//        processes come first.
// Thread: one at a time. Blocking (netlink, /proc): call it off the I/O threads.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "meter/attribution.h"
#include "platform/client_process.h"

namespace halton::platform {

// One end of a connection.
struct SocketAddress {
    std::string ip;  // "127.0.0.1", "::1", or the mapped form "::ffff:127.0.0.1"
    std::uint16_t port = 0;
};

class SocketOwners {
public:
    // `client` is the client's local address, `edge` the address it is connected to.
    // Errors: not_found (gone, or not local), permission (another user's process), timeout.
    Result<meter::ClientProcess> find(const SocketAddress& client, const SocketAddress& edge);

private:
    ClientProcesses processes_;
    // The last owners, newest first: a tool opens many connections, and looking there first costs
    // microseconds where a scan of all processes costs milliseconds. Whether one still holds a
    // socket is asked each time, so that a number that is used again misleads nobody.
    std::deque<int> recent_pids_;
    // Linux: sockets that earlier scans came by, and whose they were. When many processes connect
    // at once, one scan answers for all.
    [[maybe_unused]] std::unordered_map<std::uint64_t, int> seen_sockets_;
    [[maybe_unused]] bool is_kernel_asked_ = false;  // Linux: it answers for single sockets
};

}  // namespace halton::platform
