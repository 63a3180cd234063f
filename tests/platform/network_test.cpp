#include "platform/network.h"

#include <csignal>
#include <vector>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/socket.h"
#include "support/catch.h"

using namespace halton;
using platform::is_own_address;

TEST_CASE("network: every way to write this machine") {
    for (const char* own :
         {"127.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1",
          "::ffff:0.0.0.0", "::ffff:7f00:1", "::1%lo", "0:0:0:0:0:0:0:1"}) {
        INFO(own);
        CHECK(is_own_address(own));
    }
}

TEST_CASE("network: the addresses of all interfaces are own") {
    ifaddrs* list = nullptr;
    REQUIRE(::getifaddrs(&list) == 0);
    std::vector<std::string> addresses;
    for (const ifaddrs* entry = list; entry; entry = entry->ifa_next) {
        if (!entry->ifa_addr) continue;
        char text[INET6_ADDRSTRLEN] = {};
        if (entry->ifa_addr->sa_family == AF_INET) {
            ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(entry->ifa_addr)->sin_addr, text,
                        sizeof text);
            addresses.push_back("::ffff:" + std::string(text));
        } else if (entry->ifa_addr->sa_family == AF_INET6) {
            ::inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(entry->ifa_addr)->sin6_addr,
                        text, sizeof text);
        } else {
            continue;
        }
        addresses.emplace_back(text);
    }
    ::freeifaddrs(list);
    REQUIRE_FALSE(addresses.empty());
    for (const auto& address : addresses) {
        INFO(address);
        CHECK(is_own_address(address));
    }
}

TEST_CASE("network: others, and texts that are no address") {
    // The ranges for documentation: nobody's interface has them.
    for (const char* other :
         {"192.0.2.1", "203.0.113.7", "2001:db8::1", "::ffff:192.0.2.1", "128.0.0.1", "localhost",
          "", "%", "127.0.0.1.", "127.1", "[::1]", "not an address"}) {
        INFO(other);
        CHECK_FALSE(is_own_address(other));
    }
}

TEST_CASE("network: a port can be listened on, or is taken, also by a connection") {
    const auto bound = [](int socket) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        return ntohs(address.sin_port);
    };
    std::uint16_t port = 0;
    {
        const platform::Socket holder(::socket(AF_INET, SOCK_STREAM, 0));
        port = bound(holder.descriptor());  // nobody listens, and yet
        CHECK_FALSE(platform::can_listen(port));
    }
    CHECK(platform::can_listen(port));
}

TEST_CASE("network: a role survives broken pipes, has descriptors and dumps no core") {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        platform::prepare_role_process();
        struct sigaction pipe {};
        ::sigaction(SIGPIPE, nullptr, &pipe);
        rlimit files{};
        rlimit core{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        ::getrlimit(RLIMIT_CORE, &core);
        const bool is_good = pipe.sa_handler == SIG_IGN && files.rlim_cur == files.rlim_max &&
                             core.rlim_cur == 0 && core.rlim_max == 0 &&
                             platform::descriptor_limit() == files.rlim_cur;
        // Also one that somebody sets later.
        files.rlim_cur = 64;
        ::setrlimit(RLIMIT_NOFILE, &files);
        ::_exit(is_good && platform::descriptor_limit() == 64 ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
