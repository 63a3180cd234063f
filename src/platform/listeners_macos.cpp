#include "platform/listeners.h"

#include <sys/stat.h>
#include <array>
#include <vector>

#include <libproc.h>
#include <netinet/in.h>

#include "base/limits.h"
#include "platform/process.h"

namespace halton::platform {
namespace {

struct Found {
    bool is_listening = false;
    bool is_off_loopback = false;
};

Found look_at_sockets(int pid, std::uint16_t port) {
    std::vector<proc_fdinfo> descriptors(limits::socket_owner_fd_count_max / 64);
    const int bytes = ::proc_pidinfo(pid, PROC_PIDLISTFDS, 0, descriptors.data(),
                                     static_cast<int>(descriptors.size() * sizeof(proc_fdinfo)));
    descriptors.resize(bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof(proc_fdinfo) : 0);
    for (const auto& descriptor : descriptors) {
        socket_fdinfo socket{};
        if (descriptor.proc_fdtype != PROX_FDTYPE_SOCKET ||
            ::proc_pidfdinfo(pid, descriptor.proc_fd, PROC_PIDFDSOCKETINFO, &socket,
                             sizeof socket) != sizeof socket ||
            socket.psi.soi_kind != SOCKINFO_TCP ||
            socket.psi.soi_proto.pri_tcp.tcpsi_state != TSI_S_LISTEN)
            continue;
        const auto& end = socket.psi.soi_proto.pri_tcp.tcpsi_ini;
        if (ntohs(static_cast<std::uint16_t>(end.insi_lport)) != port) continue;
        const bool is_v4 = (end.insi_vflag & INI_IPV4) != 0;
        const bool is_loopback = is_v4
                                     ? (ntohl(end.insi_laddr.ina_46.i46a_addr4.s_addr) >> 24) == 127
                                     : IN6_IS_ADDR_LOOPBACK(&end.insi_laddr.ina_6) != 0;
        return {true, !is_loopback};
    }
    return {};
}

}  // namespace

std::optional<ProcessLook> look_at_process(int pid) {
    std::array<char, PROC_PIDPATHINFO_MAXSIZE> path{};
    if (pid <= 0 || ::proc_pidpath(pid, path.data(), path.size()) <= 0) return std::nullopt;
    ProcessLook look;
    look.executable = path.data();
    struct stat facts {};
    proc_bsdinfo process{};
    const bool is_known = ::proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &process, sizeof process) ==
                          static_cast<int>(sizeof process);
    // The kernel does not tell of replaced files; one that is younger than the process is another.
    look.is_outdated = ::stat(path.data(), &facts) != 0 ||
                       (is_known && static_cast<std::uint64_t>(facts.st_ctimespec.tv_sec) >
                                        process.pbi_start_tvsec);
    if (is_known) look.uid = process.pbi_uid;
    return look;
}

std::optional<Listening> find_listener(std::uint16_t port) {
    std::vector<int> pids(16 * 1024);
    const int bytes = ::proc_listpids(PROC_UID_ONLY, own_uid(), pids.data(),
                                      static_cast<int>(pids.size() * sizeof(int)));
    pids.resize(bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof(int) : 0);
    for (const int pid : pids) {
        if (pid <= 0) continue;
        const auto found = look_at_sockets(pid, port);
        if (found.is_listening) return Listening{found.is_off_loopback, own_uid(), pid};
    }
    return std::nullopt;
}

// Another user's sockets are not shown here.
std::optional<std::uint32_t> find_listener_uid(std::uint16_t port) {
    const auto found = find_listener(port);
    return found ? found->uid : std::nullopt;
}

}  // namespace halton::platform
