#include "net/tcp_stream.h"

#include <netinet/tcp.h>

#include <thread>

#include "net/task_group.h"
#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;

TEST_CASE("tcp stream: reads what is there, up to the room given") {
    Io io;
    auto pair = make_tcp_pair();
    Peer peer(std::move(pair.a));
    auto stream = to_stream(io, std::move(pair.b));
    peer.send("abcdef");

    std::string text = "kept:";
    const auto first = io.run(stream.read_more(text, 4, safety));
    REQUIRE(first);
    CHECK(text == "kept:abcd");
    char buffer[16];
    const auto second = io.run(stream.read_some(buffer, safety));
    REQUIRE(second);
    CHECK(std::string_view(buffer, *second) == "ef");
}

TEST_CASE("tcp stream: every way to fail has its kind, and the leg") {
    Io io;
    auto pair = make_tcp_pair();
    Peer peer(std::move(pair.a));
    auto stream = to_stream(io, std::move(pair.b), Leg::daemon);
    std::string text = "kept";
    ErrorKind expected{};
    Milliseconds limit = safety;
    SECTION("orderly end") {
        peer.end();
        expected = ErrorKind::closed;
    }
    SECTION("reset") {
        peer.reset();
        expected = ErrorKind::reset;
    }
    SECTION("silence") {
        limit = Milliseconds(2);
        expected = ErrorKind::timeout;
    }
    const auto read = io.run(stream.read_more(text, 100, limit));
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == expected);
    CHECK(read.error().leg == Leg::daemon);
    CHECK(text == "kept");
}

TEST_CASE("tcp stream: a cancelled task sees it as an error value") {
    Io io;
    auto pair = make_tcp_pair();
    net::TaskGroup tasks(io.context.get_executor());
    std::optional<ErrorKind> kind;
    tasks.spawn("reader", [](TcpStream stream, std::optional<ErrorKind>& out)
                    -> asio::awaitable<void> {
        std::string text;
        const auto read = co_await stream.read_more(text, 1, safety);
        if (!read) out = read.error().kind;
    }(to_stream(io, std::move(pair.b)), kind));
    io.settle();
    CHECK_FALSE(kind);
    tasks.cancel_all();
    REQUIRE(io.run(tasks.join(safety)));
    CHECK(kind == ErrorKind::cancelled);
}

TEST_CASE("tcp stream: writes all of it to a reader who takes his time") {
    Io io;
    auto pair = make_tcp_pair(8 * 1024);
    auto writer = to_stream(io, std::move(pair.a));
    auto reader = to_stream(io, std::move(pair.b));
    const std::string bytes = random_bytes(2'000'000, 2);
    std::string got;
    bool is_read = false;
    asio::co_spawn(
        io.context,
        [](TcpStream& stream, std::string& out, bool& done) -> asio::awaitable<void> {
            auto read = co_await read_to_end(stream);
            out = std::move(read.bytes);
            done = true;
        }(reader, got, is_read),
        [](std::exception_ptr) {});
    const auto sent = io.run(writer.write_all(bytes, safety));
    CHECK(sent);
    writer.shutdown_write();
    io.until([&] { return is_read; });
    CHECK((got == bytes));
}

TEST_CASE("tcp stream: bytes that are there when the limit is over are read all the same") {
    Io io;
    auto pair = make_tcp_pair();
    auto reader = to_stream(io, std::move(pair.a), Leg::client);
    Peer peer(std::move(pair.b));
    std::string text;
    std::optional<Result<void>> got;
    asio::co_spawn(
        io.context,
        [](TcpStream& from, std::string& to) -> asio::awaitable<Result<void>> {
            co_return co_await from.read_more(to, 100, Milliseconds(20));
        }(reader, text),
        [&](std::exception_ptr, Result<void> result) { got = std::move(result); });
    // The thread is busy until long after the limit, and the bytes come meanwhile.
    asio::post(io.context, [&] {
        peer.send("late");
        std::this_thread::sleep_for(std::chrono::milliseconds(60));
    });
    io.until([&] { return got.has_value(); });
    CHECK(got->has_value());
    CHECK(text == "late");
}

TEST_CASE("tcp stream: tells whether its peer has gone") {
    Io io;
    auto pair = make_tcp_pair();
    auto stream = to_stream(io, std::move(pair.a), Leg::client);
    Peer peer(std::move(pair.b));
    CHECK_FALSE(stream.has_peer_gone());
    std::string text;
    SECTION("not while there is something to read") {
        peer.send("word");
        peer.end();
        CHECK_FALSE(stream.has_peer_gone());
        REQUIRE(io.run(stream.read_more(text, 100, safety)));
        CHECK(text == "word");
        io.until([&] { return stream.has_peer_gone(); });
    }
    SECTION("by a reset") {
        peer.reset();
        io.until([&] { return stream.has_peer_gone(); });
    }
}

TEST_CASE("tcp stream: a reader who takes nothing, and one who left") {
    Io io;
    auto pair = make_tcp_pair(8 * 1024);
    auto writer = to_stream(io, std::move(pair.a), Leg::upstream);
    Peer peer(std::move(pair.b));
    const std::string bytes(4'000'000, 'x');
    Milliseconds limit(2);
    ErrorKind expected = ErrorKind::timeout;
    SECTION("stalled") {}
    SECTION("reset") {
        peer.reset();
        limit = safety;
        expected = ErrorKind::reset;
    }
    const auto sent = io.run(writer.write_all(bytes, limit));
    REQUIRE_FALSE(sent);
    CHECK(sent.error().kind == expected);
    CHECK(sent.error().leg == Leg::upstream);
}

TEST_CASE("tcp stream: gives its socket away, set up for small messages and no waiting") {
    Io io;
    Server server(io);
    auto client = io.run(connect_to(io, server.port()));
    auto accepted = io.run(server.accept());
    CHECK(client.remote_address() == accepted.local_address());
    CHECK(client.local_address() == accepted.remote_address());
    CHECK(client.remote_address().port() == server.port());

    const auto socket = client.release();
    REQUIRE(socket.is_open());
    CHECK_FALSE(client.socket().is_open());
    CHECK((::fcntl(socket.descriptor(), F_GETFL) & O_NONBLOCK) != 0);
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    ::getsockopt(socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
    CHECK(no_delay != 0);
    CHECK(socket.send("still works").bytes == 11);
    const auto text = io.run(read_exactly(accepted, 11));
    CHECK(text == "still works");
    CHECK_FALSE(client.release().is_open());  // nothing left to give
}

TEST_CASE("tcp stream: system errors as kinds") {
    const auto kind = [](int error) {
        return net::to_error_kind(std::error_code(error, std::system_category()));
    };
    CHECK(kind(ECONNREFUSED) == ErrorKind::refused);
    CHECK(kind(ECONNRESET) == ErrorKind::reset);
    CHECK(kind(EPIPE) == ErrorKind::reset);
    CHECK(kind(ENETUNREACH) == ErrorKind::unreachable);
    CHECK(kind(EHOSTUNREACH) == ErrorKind::unreachable);
    CHECK(kind(ETIMEDOUT) == ErrorKind::timeout);
    CHECK(kind(EACCES) == ErrorKind::permission);
    CHECK(kind(EMFILE) == ErrorKind::busy);
    CHECK(kind(EINVAL) == ErrorKind::io);
    CHECK(net::to_error_kind(asio::error::operation_aborted) == ErrorKind::cancelled);
    CHECK(net::to_error_kind(asio::error::eof) == ErrorKind::closed);
    CHECK(net::to_error_kind(asio::error::connection_refused) == ErrorKind::refused);
}
