#include "platform/socket_owner.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/process.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using platform::SocketAddress;
using platform::SocketOwners;

namespace {

// A listener on a free loopback port of either family.
struct Listener {
    explicit Listener(int family) : family_(family), socket(::socket(family, SOCK_STREAM, 0)) {
        sockaddr_storage any{};
        any.ss_family = static_cast<sa_family_t>(family);
        if (family == AF_INET)
            reinterpret_cast<sockaddr_in&>(any).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        else
            reinterpret_cast<sockaddr_in6&>(any).sin6_addr = in6addr_loopback;
        const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        is_good = ::bind(socket, reinterpret_cast<sockaddr*>(&any), size) == 0 &&
                  ::listen(socket, 8) == 0;
    }
    ~Listener() { ::close(socket); }

    sockaddr_storage address() const {
        sockaddr_storage own{};
        socklen_t size = sizeof own;
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size);
        return own;
    }
    int connect() const {
        const int client = ::socket(family_, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto own = address();
        if (::connect(client, reinterpret_cast<const sockaddr*>(&own),
                      family_ == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)) != 0)
            return -1;
        return client;
    }

    int family_;
    int socket;
    bool is_good = false;
};

SocketAddress to_address(const sockaddr_storage& raw) {
    char text[INET6_ADDRSTRLEN] = {};
    if (raw.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(raw);
        ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        return {text, ntohs(v4.sin_port)};
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(raw);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return {text, ntohs(v6.sin6_port)};
}

SocketAddress local_address(int socket) {
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size);
    return to_address(own);
}

}  // namespace

TEST_CASE("socket owner: the own process, by either family and by the mapped form") {
    for (const int family : {AF_INET, AF_INET6}) {
        const Listener listener(family);
        if (!listener.is_good) {
            WARN("no loopback of family " << family << " on this machine");
            continue;
        }
        const int client = listener.connect();
        REQUIRE(client >= 0);
        auto at = local_address(client);
        auto edge = to_address(listener.address());
        SocketOwners owners;
        const auto found = owners.find(at, edge);
        REQUIRE(found);
        CHECK(found->pid == platform::own_pid());
        CHECK(found->uid == platform::own_uid());
        CHECK(found->working_directory == std::filesystem::current_path());
        CHECK_FALSE(found->executable.empty());
        if (family == AF_INET) {
            at.ip = edge.ip = "::ffff:127.0.0.1";
            CHECK(owners.find(at, edge).value().pid == platform::own_pid());
        }
        ::close(client);
    }
}

TEST_CASE("socket owner: what is not there is not found") {
    const Listener listener(AF_INET);
    REQUIRE(listener.is_good);
    const int client = listener.connect();
    REQUIRE(client >= 0);
    const auto at = local_address(client);
    const auto edge = to_address(listener.address());
    SocketOwners owners;
    CHECK(owners.find(at, {edge.ip, static_cast<std::uint16_t>(edge.port + 1)}).error().kind ==
          ErrorKind::not_found);
    CHECK(owners.find({"not an address", 1}, edge).error().kind == ErrorKind::not_found);
    CHECK(owners.find({"::1", at.port}, edge).error().kind == ErrorKind::not_found);
    // The edge's own listening socket is not the client's.
    CHECK(owners.find(edge, {"127.0.0.1", 1}).error().kind == ErrorKind::not_found);
}

TEST_CASE("socket owner: another process with its folder, project and files") {
    const test::TempDirectory directory;
    test::write_text(directory / "shop/.haltonrc", "project = \"shop\"");
    std::filesystem::create_directories(directory / "shop/.git");
    std::filesystem::create_directories(directory / "shop/src");
    const Listener listener(AF_INET);
    REQUIRE(listener.is_good);

    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const int child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // The environment that counts is that of the exec; descriptor 9 outlives it.
        const int client = listener.connect();
        ::dup2(client, 9);
        const auto at = local_address(9);
        if (::write(ready[1], &at.port, sizeof at.port) != sizeof at.port) ::_exit(1);
        if (::chdir((directory / "shop/src").c_str()) != 0) ::_exit(1);
        const char* const variables[] = {"FIRST=1", "HALTON_PROJECT=from-env", nullptr};
        ::execle("/bin/sleep", "sleep", "60", static_cast<char*>(nullptr), variables);
        ::_exit(1);
    }
    std::uint16_t port = 0;
    REQUIRE(::read(ready[0], &port, sizeof port) == sizeof port);
    const SocketAddress at{"127.0.0.1", port};
    const auto edge = to_address(listener.address());

    SocketOwners owners;
    Result<meter::ClientProcess> found = fail(ErrorKind::not_found);
    // Until the child has become "sleep": its socket is found at once, its new self a moment later,
    // and what that was given last.
    for (int i = 0; i < 2000 && !(found && found->halton_project == "from-env"); ++i) {
        found = owners.find(at, edge);
        ::usleep(2'000);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    REQUIRE(found);
    CHECK(found->pid == child);
    CHECK(found->working_directory == (directory / "shop/src"));
    CHECK(found->halton_project == "from-env");
    REQUIRE_FALSE(found->files.haltonrcs.empty());
    CHECK(found->files.haltonrcs[0].text == "project = \"shop\"");
    CHECK(found->files.git_directory_parent == (directory / "shop"));
    // Dead by now: the socket is gone, and the remembered owner does not answer for it.
    CHECK_FALSE(owners.find(at, edge));
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_CASE("socket owner: another user's client is told apart and not looked into") {
    if (::getuid() != 0) {
        WARN("only root can become another user: skipped");
        return;
    }
    const Listener listener(AF_INET);
    REQUIRE(listener.is_good);
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const int child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (::setuid(65'534) != 0) ::_exit(1);
        const int client = listener.connect();
        const auto at = local_address(client);
        if (::write(ready[1], &at.port, sizeof at.port) != sizeof at.port) ::_exit(1);
        ::sleep(60);
        ::_exit(0);
    }
    std::uint16_t port = 0;
    REQUIRE(::read(ready[0], &port, sizeof port) == sizeof port);
    SocketOwners owners;
    const auto found = owners.find({"127.0.0.1", port}, to_address(listener.address()));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
    REQUIRE_FALSE(found);
    CHECK(found.error().kind == ErrorKind::permission);
}
