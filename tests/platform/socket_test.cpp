#include "platform/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using platform::IoResult;
using platform::Socket;
using test::make_tcp_pair;

namespace {

const test::Io quiet;  // for its signal handling only

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

// What `socket` has, waiting for its peer's bytes to cross the loopback.
IoResult receive_soon(const Socket& socket, std::span<char> buffer) {
    const auto end = std::chrono::steady_clock::now() + test::safety;
    for (;;) {
        const auto got = socket.receive(buffer);
        if (got.status != IoResult::Status::would_block) return got;
        if (std::chrono::steady_clock::now() > end) return got;
    }
}

}  // namespace

TEST_CASE("socket: bytes, then an orderly end") {
    const auto pair = make_tcp_pair();
    char buffer[64];
    CHECK(pair.b.receive(buffer).status == IoResult::Status::would_block);

    const auto sent = pair.a.send("hello");
    CHECK(sent.status == IoResult::Status::ok);
    CHECK(sent.bytes == 5);
    pair.a.shutdown_write();

    auto got = receive_soon(pair.b, {buffer, 3});
    CHECK(got.status == IoResult::Status::ok);
    CHECK(std::string_view(buffer, got.bytes) == "hel");
    got = receive_soon(pair.b, buffer);
    CHECK(std::string_view(buffer, got.bytes) == "lo");
    CHECK(receive_soon(pair.b, buffer).status == IoResult::Status::end);

    SECTION("the other direction is still open") {
        CHECK(pair.b.send("bye").bytes == 3);
        got = receive_soon(pair.a, buffer);
        CHECK(std::string_view(buffer, got.bytes) == "bye");
    }
}

TEST_CASE("socket: a full buffer is no failure") {
    const auto pair = make_tcp_pair(8 * 1024);
    const std::string bytes(16 * 1024, 'x');
    std::size_t sent_bytes = 0;
    IoResult sent;
    while ((sent = pair.a.send(bytes)).status == IoResult::Status::ok) sent_bytes += sent.bytes;
    CHECK(sent.status == IoResult::Status::would_block);
    CHECK(sent.bytes == 0);
    CHECK(sent_bytes > 0);
    CHECK(sent_bytes < 64 * 1024 * 1024);
}

TEST_CASE("socket: a reset is a failure with its number, both ways") {
    const auto reset = GENERATE(true, false);
    const bool is_taken_back = GENERATE(true, false);
    auto pair = make_tcp_pair();
    if (reset || is_taken_back) pair.a.reset_on_close();
    if (!reset && is_taken_back) pair.a.end_on_close();
    pair.a.close();
    char buffer[8];
    const auto got = receive_soon(pair.b, buffer);
    if (!reset) {
        CHECK(got.status == IoResult::Status::end);
        return;
    }
    CHECK(got.status == IoResult::Status::failed);
    CHECK(got.error == ECONNRESET);
    const auto sent = pair.b.send("x");
    CHECK(sent.status == IoResult::Status::failed);
    CHECK(sent.error == EPIPE);
}

TEST_CASE("socket: owns its descriptor once") {
    auto pair = make_tcp_pair();
    const int a = pair.a.descriptor();
    const int b = pair.b.descriptor();
    {
        Socket moved(std::move(pair.a));
        CHECK(moved.descriptor() == a);
        CHECK_FALSE(pair.a.is_open());
        moved = std::move(pair.b);  // the old one lives on in the moved-from
        CHECK(moved.descriptor() == b);
        CHECK(is_open(a));
    }
    CHECK_FALSE(is_open(b));
    pair.b.close();
    CHECK_FALSE(is_open(a));
    CHECK_FALSE(pair.b.is_open());

    auto other = make_tcp_pair();
    const int released = other.a.release();
    CHECK_FALSE(other.a.is_open());
    CHECK(is_open(released));
    ::close(released);
}
