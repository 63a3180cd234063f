#include "platform/network.h"

#include <csignal>
#include <cstring>
#include <limits>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "platform/socket.h"

namespace halton::platform {
namespace {

// 127.0.0.0/8 and 0.0.0.0, in host order.
bool is_local_v4(std::uint32_t address) { return address >> 24 == 127 || address == 0; }

}  // namespace

bool is_own_address(const std::string& address) {
    in6_addr wanted{};
    in_addr v4{};
    if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) {
        wanted.s6_addr[10] = wanted.s6_addr[11] = 0xff;
        std::memcpy(&wanted.s6_addr[12], &v4, sizeof v4);
    } else if (::inet_pton(AF_INET6, address.substr(0, address.find('%')).c_str(), &wanted) != 1) {
        return false;
    }
    if (IN6_IS_ADDR_V4MAPPED(&wanted)) {
        std::memcpy(&v4, &wanted.s6_addr[12], sizeof v4);
        if (is_local_v4(ntohl(v4.s_addr))) return true;
    }
    if (IN6_IS_ADDR_LOOPBACK(&wanted) || IN6_IS_ADDR_UNSPECIFIED(&wanted)) return true;

    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return false;
    bool is_own = false;
    for (const ifaddrs* entry = list; entry && !is_own; entry = entry->ifa_next) {
        if (!entry->ifa_addr) continue;
        if (entry->ifa_addr->sa_family == AF_INET && IN6_IS_ADDR_V4MAPPED(&wanted)) {
            const auto* in = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
            is_own = in->sin_addr.s_addr == v4.s_addr;
        } else if (entry->ifa_addr->sa_family == AF_INET6) {
            const auto* in = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
            is_own = std::memcmp(&in->sin6_addr, &wanted, sizeof wanted) == 0;
        }
    }
    ::freeifaddrs(list);
    return is_own;
}

std::size_t descriptor_limit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
        return std::numeric_limits<std::size_t>::max();
    return static_cast<std::size_t>(files.rlim_cur);
}

bool can_listen(std::uint16_t port) {
    const Socket probe(::socket(AF_INET, SOCK_STREAM, 0));
    if (!probe.is_open()) return true;  // not the port's fault
    const int on = 1;
    ::setsockopt(probe.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return ::bind(probe.descriptor(), reinterpret_cast<const sockaddr*>(&address),
                  sizeof address) == 0;
}

void prepare_role_process() {
    std::signal(SIGPIPE, SIG_IGN);
    // A file at the size limit is a failed write (EFBIG), not the end of the process.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
}

}  // namespace halton::platform
