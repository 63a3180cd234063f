#include "platform/socket_owner.h"

#include <algorithm>
#include <vector>

#include <libproc.h>
#include <netinet/in.h>

#include "base/limits.h"
#include "platform/process.h"

// libproc lists the descriptors of a process with the ports of its sockets, so that the socket and
// its owner are found in one walk over the user's processes.
namespace halton::platform {
namespace {

bool holds_connection(int pid, std::uint16_t client_port, std::uint16_t edge_port) {
    std::vector<proc_fdinfo> descriptors(limits::socket_owner_fd_count_max / 64);
    const int bytes = ::proc_pidinfo(pid, PROC_PIDLISTFDS, 0, descriptors.data(),
                                     static_cast<int>(descriptors.size() * sizeof(proc_fdinfo)));
    descriptors.resize(bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof(proc_fdinfo) : 0);
    return std::any_of(descriptors.begin(), descriptors.end(), [&](const proc_fdinfo& descriptor) {
        socket_fdinfo socket{};
        if (descriptor.proc_fdtype != PROX_FDTYPE_SOCKET ||
            ::proc_pidfdinfo(pid, descriptor.proc_fd, PROC_PIDFDSOCKETINFO, &socket,
                             sizeof socket) != sizeof socket ||
            socket.psi.soi_kind != SOCKINFO_TCP)
            return false;
        const auto& ends = socket.psi.soi_proto.pri_tcp.tcpsi_ini;
        return ntohs(static_cast<std::uint16_t>(ends.insi_lport)) == client_port &&
               ntohs(static_cast<std::uint16_t>(ends.insi_fport)) == edge_port;
    });
}

}  // namespace

Result<meter::ClientProcess> SocketOwners::find(const SocketAddress& client,
                                                const SocketAddress& edge) {
    const auto deadline = std::chrono::steady_clock::now() + limits::socket_owner_time_max;
    std::vector<int> pids(16 * 1024);
    const int bytes = ::proc_listpids(PROC_UID_ONLY, own_uid(), pids.data(),
                                      static_cast<int>(pids.size() * sizeof(int)));
    pids.resize(bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof(int) : 0);
    pids.insert(pids.begin(), recent_pids_.begin(), recent_pids_.end());
    for (const int pid : pids) {
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(ErrorKind::timeout, "looking for the owner of a socket");
        if (pid <= 0 || !holds_connection(pid, client.port, edge.port)) continue;
        recent_pids_.assign(1, pid);
        return processes_.read(pid);
    }
    // Somebody else's, or gone already: what cannot be told apart is not looked into.
    return fail(ErrorKind::permission, "no process of this user holds the socket");
}

}  // namespace halton::platform
