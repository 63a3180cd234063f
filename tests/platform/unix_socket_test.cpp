#include "platform/unix_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string>

#include "platform/process.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using platform::Socket;

namespace {

struct UnixPair {
    Socket a;
    Socket b;
};

UnixPair make_pair_at(const std::filesystem::path& path) {
    auto listener = platform::listen_at(path);
    REQUIRE(listener);
    auto a = platform::connect_to(path);
    REQUIRE(a);
    auto b = platform::accept_from(listener->socket);
    REQUIRE(b);
    return {std::move(*a), std::move(*b)};
}

Socket listen_on(std::uint32_t address, int type = SOCK_STREAM, bool listens = true) {
    Socket socket(::socket(AF_INET, type, 0));
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(address);
    REQUIRE(::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&in), sizeof in) == 0);
    if (listens) REQUIRE(::listen(socket.descriptor(), 1) == 0);
    return socket;
}

}  // namespace

TEST_CASE("unix socket: a name, this user only, and who is at the other end") {
    const test::TempDirectory directory;
    const auto path = directory / "edge.sock";
    const auto pair = make_pair_at(path);
    struct ::stat facts {};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    CHECK(platform::find_peer_uid(pair.a.descriptor()) == platform::own_uid());
    CHECK(platform::find_peer_uid(pair.b.descriptor()) == platform::own_uid());
    CHECK_FALSE(platform::find_peer_uid(-1));
    CHECK((::fcntl(pair.b.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
}

TEST_CASE("unix socket: taking a name over leaves no moment without a listener") {
    const test::TempDirectory directory;
    const auto path = directory / "edge.sock";
    const auto first = platform::listen_at(path);
    REQUIRE(first);
    const auto second = platform::listen_at(path);
    REQUIRE(second);
    REQUIRE(platform::connect_to(path));
    CHECK_FALSE(platform::accept_from(first->socket));
    CHECK(platform::accept_from(second->socket));
    // The first one's name is somebody else's by now.
    platform::remove_name(*first);
    CHECK(std::filesystem::exists(path));
    platform::remove_name(*second);
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("unix socket: nobody, a name left behind, and a name that is too long") {
    const test::TempDirectory directory;
    CHECK(platform::connect_to(directory / "none").error().kind == ErrorKind::not_found);
    { const auto gone = platform::listen_at(directory / "left"); }
    CHECK(platform::connect_to(directory / "left").error().kind == ErrorKind::refused);
    const auto listener = platform::listen_at(directory / "left");  // and taken over
    REQUIRE(listener);
    CHECK(platform::accept_from(listener->socket).error().kind == ErrorKind::busy);
    const auto deep = directory / std::string(120, 'x');
    CHECK(platform::listen_at(deep).error().kind == ErrorKind::too_large);
    CHECK(platform::connect_to(deep).error().kind == ErrorKind::too_large);
    CHECK(platform::listen_at(directory / "no" / "folder").error().kind == ErrorKind::not_found);
}

TEST_CASE("unix socket: passes a descriptor with its words") {
    const test::TempDirectory directory;
    const auto pair = make_pair_at(directory / "s");
    std::array<char, 64> buffer;
    CHECK(platform::receive_descriptor(pair.b.descriptor(), buffer).error().kind ==
          ErrorKind::busy);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const Socket reading(ends[0]);
    {
        const Socket writing(ends[1]);
        REQUIRE(platform::send_descriptor(pair.a.descriptor(), "pipe\n", writing.descriptor()));
    }
    auto received = platform::receive_descriptor(pair.b.descriptor(), buffer);
    REQUIRE(received);
    CHECK(std::string(buffer.data(), received->bytes) == "pipe\n");
    REQUIRE(received->passed.is_open());
    CHECK((::fcntl(received->passed.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(::write(received->passed.descriptor(), "x", 1) == 1);
    CHECK(::read(reading.descriptor(), buffer.data(), 1) == 1);

    CHECK(pair.a.send("words only").bytes == 10);
    received = platform::receive_descriptor(pair.b.descriptor(), buffer);
    REQUIRE(received);
    CHECK_FALSE(received->passed.is_open());
    pair.a.shutdown_write();
    CHECK(platform::receive_descriptor(pair.b.descriptor(), buffer).error().kind ==
          ErrorKind::closed);
    CHECK_FALSE(platform::send_descriptor(pair.a.descriptor(), "x", pair.a.descriptor()));
}

TEST_CASE("unix socket: many descriptors at once leave one") {
    const test::TempDirectory directory;
    const auto pair = make_pair_at(directory / "s");
    std::array<int, 4> passed{};
    for (auto& one : passed) one = ::dup(pair.a.descriptor());
    char text[] = "many";
    iovec bytes{text, 4};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof passed)> control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof passed);
    std::memcpy(CMSG_DATA(header), passed.data(), sizeof passed);
    REQUIRE(::sendmsg(pair.a.descriptor(), &message, 0) == 4);
    for (const int one : passed) ::close(one);

    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    std::array<char, 64> buffer;
    {
        const auto received = platform::receive_descriptor(pair.b.descriptor(), buffer);
        REQUIRE(received);
        CHECK(received->passed.is_open());
    }
    const int still_free = ::dup(0);
    ::close(still_free);
    CHECK(still_free == lowest_free);
}

TEST_CASE("listening socket: only one that listens on loopback will do") {
    const auto good = listen_on(INADDR_LOOPBACK);
    const auto facts = platform::look_at_listener(good.descriptor());
    REQUIRE(facts);
    CHECK(facts->port != 0);
    CHECK_FALSE(facts->is_v6);
    CHECK_FALSE(platform::look_at_listener(listen_on(INADDR_ANY).descriptor()));
    CHECK_FALSE(
        platform::look_at_listener(listen_on(INADDR_LOOPBACK, SOCK_STREAM, false).descriptor()));
    CHECK_FALSE(
        platform::look_at_listener(listen_on(INADDR_LOOPBACK, SOCK_DGRAM, false).descriptor()));
    CHECK_FALSE(platform::look_at_listener(0));
    CHECK_FALSE(platform::look_at_listener(-1));
    const test::TempDirectory directory;
    const auto unix_listener = platform::listen_at(directory / "s");
    REQUIRE(unix_listener);
    CHECK_FALSE(platform::look_at_listener(unix_listener->socket.descriptor()));
}
