#include "net/http_probe.h"

#include "net/task_group.h"
#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;

namespace {

// Answers one connection with that text, then does what the flag says.
enum class After { end, stay, reset };

asio::awaitable<void> answer_once(Server& server, std::string text, After after,
                                  std::string& asked) {
    TcpStream stream = co_await server.accept();
    asked = co_await read_head(stream);
    co_await stream.write_all(text, safety);
    if (after == After::stay) co_await read_to_end(stream);
    if (after == After::reset) stream.release().reset_on_close();
}

struct Probed {
    Result<int> status;
    std::string asked;
};

Probed probe(const std::string& text, After after, Milliseconds limit = safety) {
    Io io;
    Server server(io);
    net::TaskGroup tasks(io.context.get_executor());
    Probed probed;
    tasks.spawn("server", answer_once(server, text, after, probed.asked));
    probed.status =
        io.run(net::probe_http_status(io.context, server.port(), "/health", limit));
    tasks.cancel_all();
    io.run(tasks.join(safety));
    return probed;
}

}  // namespace

TEST_CASE("http probe: the status of whatever answer comes") {
    for (const int status : {200, 204, 404, 503}) {
        const auto probed =
            probe("HTTP/1.1 " + std::to_string(status) + " Whatever\r\nContent-Length: 2\r\n\r\nok",
                  GENERATE(After::end, After::stay));
        REQUIRE(probed.status);
        CHECK(*probed.status == status);
        CHECK(probed.asked.starts_with("GET /health HTTP/1.1\r\nHost: 127.0.0.1:"));
        CHECK(probed.asked.find("Connection: close\r\n") != std::string::npos);
    }
}

TEST_CASE("http probe: answers that are none") {
    const auto kind = [](const std::string& text, After after, Milliseconds limit = safety) {
        const auto probed = probe(text, after, limit);
        REQUIRE_FALSE(probed.status);
        return probed.status.error().kind;
    };
    CHECK(kind("", After::end) == ErrorKind::closed);
    CHECK(kind("", After::stay, Milliseconds(20)) == ErrorKind::timeout);
    CHECK(kind("HTTP/1.1 200 OK\r\n", After::end) == ErrorKind::closed);
    CHECK(kind("HTTP/1.1 200 OK\r\n", After::stay, Milliseconds(20)) == ErrorKind::timeout);
    CHECK(kind("SSH-2.0-nothing for you\r\n\r\n", After::stay) == ErrorKind::malformed);
    CHECK(kind("HTTP/1.1 200 OK\r\nX: " + std::string(limits::head_bytes_max + 2000, 'x'),
               After::stay) == ErrorKind::too_large);
}

TEST_CASE("http probe: nobody listens") {
    Io io;
    const UnusedPort port;
    const auto status = io.run(net::probe_http_status(io.context, port.port(), "/", safety));
    REQUIRE_FALSE(status);
    CHECK(status.error().kind == ErrorKind::refused);
    CHECK(status.error().leg == Leg::daemon);
}

TEST_CASE("http probe: a port that lets nobody in, and a probe that is not wanted any more") {
    Io io;
    // A queue of one, and full: the kernel drops what comes, as a hung process's would.
    const platform::Socket full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = loopback(0);
    REQUIRE(::bind(full.descriptor(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(full.descriptor(), 0) == 0);
    const auto port = port_of(full.descriptor());
    std::vector<asio::ip::tcp::socket> fillers;
    for (int i = 0; i < 4; ++i)
        fillers.emplace_back(io.context)
            .async_connect({asio::ip::address_v4::loopback(), port}, [](std::error_code) {});
    io.run(wait_for(io, Milliseconds(5)));

    const auto late = io.run(net::connect_loopback(io.context, port, Milliseconds(10), Leg::daemon));
    REQUIRE_FALSE(late);
    CHECK(late.error().kind == ErrorKind::timeout);

    net::TaskGroup tasks(io.context.get_executor());
    std::optional<ErrorKind> kind;
    tasks.spawn("probe", [](Io& on, std::uint16_t to, std::optional<ErrorKind>& out)
                    -> asio::awaitable<void> {
        const auto status = co_await net::probe_http_status(on.context, to, "/", safety);
        if (!status) out = status.error().kind;
    }(io, port, kind));
    io.settle();
    tasks.cancel_all();
    CHECK(io.run(tasks.join(safety)));
    CHECK(kind == ErrorKind::cancelled);
}
