#include "platform/socket_owner.h"

#include <algorithm>
#include <filesystem>

#include <libproc.h>
#include <netinet/in.h>
#include <sys/sysctl.h>

#include "base/limits.h"
#include "platform/process.h"
#include "platform/project_files.h"

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

// The environment that KERN_PROCARGS2 shows behind path and arguments, "NAME=value" with NULs
// between. An argument of the same form would be found as well; it needs the user's own hand.
std::optional<std::string> read_halton_project(int pid) {
    int name[] = {CTL_KERN, KERN_PROCARGS2, pid};
    std::string text(limits::environ_bytes_max, '\0');
    std::size_t size = text.size();
    if (::sysctl(name, 3, text.data(), &size, nullptr, 0) != 0) return std::nullopt;
    text.resize(size);
    const std::string key = std::string(1, '\0') + "HALTON_PROJECT=";
    const auto at = text.find(key);
    if (at == std::string::npos) return std::nullopt;
    return std::string(text.c_str() + at + key.size()).substr(0, limits::slug_bytes_max + 1);
}

meter::ClientProcess describe(int pid) {
    meter::ClientProcess process;
    process.pid = pid;
    process.uid = own_uid();
    proc_vnodepathinfo paths{};
    if (::proc_pidinfo(pid, PROC_PIDVNODEPATHINFO, 0, &paths, sizeof paths) == sizeof paths)
        process.working_directory = paths.pvi_cdir.vip_path;
    process.halton_project = read_halton_project(pid);
    char path[PROC_PIDPATHINFO_MAXSIZE] = {};
    if (::proc_pidpath(pid, path, sizeof path) > 0)
        process.executable = std::filesystem::path(path).filename().string();
    auto files = read_project_files(process.working_directory);
    process.haltonrc_texts = std::move(files.haltonrc_texts);
    process.git_directory_parent = std::move(files.git_directory_parent);
    return process;
}

}  // namespace

Result<meter::ClientProcess> SocketOwners::find(const SocketAddress& client,
                                                const SocketAddress& edge) {
    const auto deadline = std::chrono::steady_clock::now() + limits::socket_owner_time_max;
    std::vector<int> pids(16 * 1024);
    const int bytes = ::proc_listpids(PROC_UID_ONLY, own_uid(), pids.data(),
                                      static_cast<int>(pids.size() * sizeof(int)));
    pids.resize(bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof(int) : 0);
    for (const auto& key : recent_) pids.insert(pids.begin(), key.pid);
    for (const int pid : pids) {
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(ErrorKind::timeout, "looking for the owner of a socket");
        if (pid <= 0 || !holds_connection(pid, client.port, edge.port)) continue;
        recent_.assign(1, ProcessKey{pid, 0});
        return describe(pid);
    }
    // Somebody else's, or gone already: what cannot be told apart is not looked into.
    return fail(ErrorKind::permission, "no process of this user holds the socket");
}

}  // namespace halton::platform
