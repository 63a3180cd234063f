#include "platform/listeners.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/process.h"
#include "support/catch.h"

using namespace halton;

namespace {

struct Listener {
    explicit Listener(int family, bool is_any) : socket(::socket(family, SOCK_STREAM, 0)) {
        if (family == AF_INET) {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(is_any ? INADDR_ANY : INADDR_LOOPBACK);
            start(address, [&] { return ntohs(address.sin_port); });
        } else {
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_addr = is_any ? in6addr_any : in6addr_loopback;
            start(address, [&] { return ntohs(address.sin6_port); });
        }
    }
    template <class Address, class Port>
    void start(Address& address, Port port_of) {
        socklen_t size = sizeof address;
        is_up = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                ::listen(socket, 4) == 0;
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
        port = port_of();
    }
    ~Listener() { ::close(socket); }
    int socket;
    bool is_up = false;
    std::uint16_t port = 0;
};

}  // namespace

TEST_CASE("listeners: a port's owner is found, and where it is bound") {
    for (const int family : {AF_INET, AF_INET6})
        for (const bool is_any : {false, true}) {
            const Listener listener(family, is_any);
            if (!listener.is_up) continue;  // no IPv6 here
            const auto found = platform::find_listener(listener.port);
            REQUIRE(found);
            CHECK(found->pid == platform::own_pid());
            CHECK(found->uid == platform::own_uid());
            CHECK(found->is_off_loopback == is_any);
            CHECK(platform::find_listener_uid(listener.port) == platform::own_uid());
        }
}

TEST_CASE("listeners: a free port has none, also while connections to it linger") {
    std::uint16_t port = 0;
    {
        const Listener listener(AF_INET, false);
        port = listener.port;
    }
    CHECK_FALSE(platform::find_listener(port));
}

TEST_CASE("listeners: processes are looked at") {
    const auto own = platform::look_at_process(platform::own_pid());
    REQUIRE(own);
    CHECK(own->executable.ends_with("platform_test"));
    CHECK_FALSE(own->is_outdated);
    CHECK(own->uid == platform::own_uid());
    CHECK_FALSE(platform::look_at_process(0));
    CHECK_FALSE(platform::look_at_process(-1));
}
