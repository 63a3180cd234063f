#include "platform/loopback_stream.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/catch.h"

using namespace halton;
using std::chrono::milliseconds;

namespace {

struct Listener {
    Listener() : socket(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(socket, 4);
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
        port = ntohs(address.sin_port);
    }
    ~Listener() { ::close(socket); }
    int socket;
    std::uint16_t port = 0;
};

}  // namespace

TEST_CASE("loopback stream: bytes both ways, then the end") {
    const Listener listener;
    auto stream = platform::LoopbackStream::connect(listener.port, milliseconds(20'000));
    REQUIRE(stream);
    const int peer = ::accept(listener.socket, nullptr, nullptr);
    REQUIRE(stream->send("ping"));
    char text[4];
    REQUIRE(::read(peer, text, sizeof text) == 4);
    REQUIRE(::write(peer, "pong", 4) == 4);
    std::string got = "> ";
    REQUIRE(stream->receive(got));
    CHECK(got == "> pong");
    ::close(peer);
    CHECK(stream->receive(got).error().kind == ErrorKind::closed);
}

TEST_CASE("loopback stream: silence ends at the limit, and nobody there is said") {
    const Listener listener;
    auto stream = platform::LoopbackStream::connect(listener.port, milliseconds(50));
    REQUIRE(stream);
    std::string got;
    CHECK(stream->receive(got).error().kind == ErrorKind::timeout);
    std::uint16_t port = 0;
    {
        const Listener gone;
        port = gone.port;
    }
    CHECK(platform::LoopbackStream::connect(port, milliseconds(1'000)).error().kind ==
          ErrorKind::refused);
}
