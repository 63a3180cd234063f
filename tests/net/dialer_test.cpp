#include "net/dialer.h"

#include "net/task_group.h"
#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;

namespace {

struct World {
    World() { limits.connection_attempt_delay = Milliseconds(10); }
    ~World() {
        tasks.cancel_all();
        io.run(tasks.join(safety));
    }

    Result<TcpStream> dial(http::Target target) { return io.run(dialer.dial(std::move(target))); }
    void use_proxy(std::uint16_t port, std::string authorization = {}) {
        config.has_upstream_proxy = true;
        config.upstream_proxy = {"127.0.0.1", port, std::move(authorization)};
    }

    Io io;
    Limits limits = generous_limits();
    config::Config config;
    std::uint16_t own_port = 0;
    net::Dialer dialer{io.context, config, limits,
                       [this](const asio::ip::address& address, std::uint16_t port) {
                           return address.is_loopback() && port == own_port;
                       }};
    net::TaskGroup tasks{io.context.get_executor()};
};

// Whether the stream leads to that server: bytes arrive.
bool is_connected(Io& io, TcpStream& stream, Server& server) {
    return io.run([](TcpStream& from, Server& to) -> asio::awaitable<bool> {
        TcpStream accepted = co_await to.accept();
        const auto sent = co_await from.write_all("knock", safety);
        const auto got = co_await read_exactly(accepted, 5);
        co_return sent && got == "knock";
    }(stream, server));
}

asio::awaitable<void> proxy_once(Server& server, std::string answer, std::string& asked,
                                 bool stays) {
    TcpStream stream = co_await server.accept();
    asked = co_await read_head(stream);
    co_await stream.write_all(answer, safety);
    if (stays) co_await read_to_end(stream);
}

}  // namespace

TEST_CASE("dialer: an address, and a name that leads to loopback") {
    World world;
    Server server(world.io);
    for (const char* host : {"127.0.0.1", "localhost", "some.localhost"}) {
        INFO(host);
        auto stream = world.dial({host, server.port(), false});
        REQUIRE(stream);
        CHECK(is_connected(world.io, *stream, server));
    }
}

TEST_CASE("dialer: the second address when the first refuses") {
    World world;
    std::optional<Server> server;
    try {
        server.emplace(world.io, asio::ip::tcp::endpoint(asio::ip::address_v6::loopback(), 0));
    } catch (const std::system_error&) {
        WARN("no IPv6 on this machine");
        return;
    }
    auto stream = world.dial({"localhost", server->port(), false});
    REQUIRE(stream);
    CHECK(stream->remote_address().address().is_v6());
    CHECK(is_connected(world.io, *stream, *server));
}

TEST_CASE("dialer: connect_to leads elsewhere, for exactly that host and port") {
    World world;
    Server server(world.io);
    world.config.connect_to = {{"api.example.com", 443, "127.0.0.1", server.port()}};
    auto stream = world.dial({"api.example.com", 443, false});
    REQUIRE(stream);
    CHECK(is_connected(world.io, *stream, server));

    // Another port is the name's own business; it must not be looked up outside here.
    const UnusedPort unused;
    world.config.connect_to.push_back({"api.example.com", 444, "127.0.0.1", unused.port()});
    const auto refused = world.dial({"api.example.com", 444, false});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::refused);
}

TEST_CASE("dialer: failures have a kind, the leg, and say where it was going") {
    World world;
    SECTION("nobody listens") {
        const UnusedPort unused;
        const auto stream = world.dial({"localhost", unused.port(), false});
        REQUIRE_FALSE(stream);
        CHECK(stream.error().kind == ErrorKind::refused);
        CHECK(stream.error().leg == Leg::upstream);
        CHECK(stream.error().context.find("localhost:" + std::to_string(unused.port())) !=
              std::string::npos);
    }
    SECTION("no such name") {
        const auto stream = world.dial({"secret.onion", 443, false});
        REQUIRE_FALSE(stream);
        CHECK(stream.error().kind == ErrorKind::dns);
        CHECK(stream.error().leg == Leg::upstream);
    }
    SECTION("a port of our own") {
        Server server(world.io);
        world.own_port = server.port();
        for (const char* host : {"127.0.0.1", "localhost"}) {
            const auto stream = world.dial({host, server.port(), false});
            REQUIRE_FALSE(stream);
            CHECK(stream.error().kind == ErrorKind::permission);
        }
        world.config.connect_to = {{"api.example.com", 443, "127.0.0.1", server.port()}};
        CHECK(world.dial({"api.example.com", 443, false}).error().kind == ErrorKind::permission);
        world.use_proxy(server.port());
        CHECK(world.dial({"other.example", 443, false}).error().kind == ErrorKind::permission);
        CHECK(world.io.run(world.dialer.dial_plain({"other.example", 80, false})).error().kind ==
              ErrorKind::permission);
    }
}

TEST_CASE("dialer: a port that lets nobody in, for its time or until nobody wants it") {
    World world;
    const platform::Socket full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = loopback(0);
    REQUIRE(::bind(full.descriptor(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(full.descriptor(), 0) == 0);
    const auto port = port_of(full.descriptor());
    std::vector<asio::ip::tcp::socket> fillers;
    for (int i = 0; i < 4; ++i)
        fillers.emplace_back(world.io.context)
            .async_connect({asio::ip::address_v4::loopback(), port}, [](std::error_code) {});
    world.io.run(wait_for(world.io, Milliseconds(5)));

    world.limits.connect = Milliseconds(15);
    const auto late = world.dial({"127.0.0.1", port, true});
    REQUIRE_FALSE(late);
    CHECK(late.error().kind == ErrorKind::timeout);
    CHECK(late.error().leg == Leg::upstream);

    world.limits.connect = safety;
    std::optional<ErrorKind> kind;
    world.tasks.spawn("dial", [](net::Dialer& dialer, std::uint16_t to,
                                 std::optional<ErrorKind>& out) -> asio::awaitable<void> {
        http::Target target{"127.0.0.1", to, true};  // named: gcc 12 copies a temporary bit by bit
        const auto stream = co_await dialer.dial(std::move(target));
        if (!stream) out = stream.error().kind;
    }(world.dialer, port, kind));
    world.io.settle();
    world.tasks.cancel_all();
    REQUIRE(world.io.run(world.tasks.join(safety)));
    CHECK(kind == ErrorKind::cancelled);
}

TEST_CASE("dialer: through the corporate proxy, with its credentials") {
    World world;
    Server proxy(world.io);
    world.use_proxy(proxy.port(), "Basic dXNlcjpwYXNz");
    std::string asked;
    // A server that speaks first: its bytes follow the proxy's answer in one piece.
    world.tasks.spawn("proxy", proxy_once(proxy, "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n220 hello\r\n",
                                          asked, true));
    auto stream = world.dial({"api.example.com", 443, false});
    REQUIRE(stream);
    CHECK(asked ==
          "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n"
          "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
    CHECK(world.io.run(read_exactly(*stream, 11)) == "220 hello\r\n");
}

TEST_CASE("dialer: a corporate proxy gets IPv6 literals in brackets, and no empty credentials") {
    World world;
    Server proxy(world.io);
    world.use_proxy(proxy.port());
    std::string asked;
    world.tasks.spawn("proxy", proxy_once(proxy, "HTTP/1.0 200 fine\r\n\r\n", asked, true));
    REQUIRE(world.dial({"2001:db8::1", 8443, true}));
    CHECK(asked == "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n\r\n");
}

TEST_CASE("dialer: a corporate proxy that does not let us through") {
    World world;
    Server proxy(world.io);
    world.use_proxy(proxy.port(), "Basic Zm9vOmJhcg==");
    std::string asked;
    const auto kind_after = [&](const std::string& answer, bool stays) {
        world.tasks.spawn("proxy", proxy_once(proxy, answer, asked, stays));
        const auto stream = world.dial({"api.example.com", 443, false});
        REQUIRE_FALSE(stream);
        CHECK(stream.error().leg == Leg::upstream);
        CHECK(stream.error().context.find("Zm9v") == std::string::npos);
        if (stream.error().kind == ErrorKind::unsupported)
            CHECK(stream.error().context.find("407") != std::string::npos);
        return stream.error().kind;
    };
    CHECK(kind_after("HTTP/1.1 407 Proxy Authentication Required\r\n"
                     "Proxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
                     true) == ErrorKind::unsupported);
    CHECK(kind_after("", false) == ErrorKind::closed);
    CHECK(kind_after("HTTP/1.1 200 O", false) == ErrorKind::closed);
    CHECK(kind_after("what?\r\n\r\n", true) == ErrorKind::malformed);
    CHECK(kind_after("HTTP/1.1 200 OK\r\nX: " + std::string(limits::head_bytes_max, 'x'), true) ==
          ErrorKind::too_large);
    world.limits.connect = Milliseconds(30);
    CHECK(kind_after("", true) == ErrorKind::timeout);
    const UnusedPort unused;
    world.use_proxy(unused.port());
    CHECK(world.dial({"api.example.com", 443, false}).error().kind == ErrorKind::refused);
}

TEST_CASE("dialer: this machine and the bypass list do not go through the corporate proxy") {
    World world;
    Server server(world.io);
    const UnusedPort unused;
    world.use_proxy(unused.port());
    world.config.upstream_proxy_bypass = {"internal.example"};
    world.config.connect_to = {{"git.internal.example", 443, "git.localhost", server.port()}};
    for (const char* host : {"127.0.0.1", "localhost", "a.localhost"}) {
        INFO(host);
        auto stream = world.dial({host, server.port(), false});
        REQUIRE(stream);
        CHECK(is_connected(world.io, *stream, server));
    }
    auto stream = world.dial({"git.internal.example", 443, false});
    REQUIRE(stream);
    CHECK(is_connected(world.io, *stream, server));
    CHECK(world.dial({"secret.onion", 443, false}).error().kind == ErrorKind::refused);
    CHECK(world.dial({"host.invalid", 443, false}).error().kind == ErrorKind::dns);
    world.config.upstream_proxy_bypass = {"*"};
    CHECK(world.dial({"secret.onion", 443, false}).error().kind == ErrorKind::dns);
}

TEST_CASE("dialer: plain requests go to the server, or to the corporate proxy as they are") {
    World world;
    Server server(world.io);
    {
        auto route = world.io.run(world.dialer.dial_plain({"127.0.0.1", server.port(), true}));
        REQUIRE(route);
        CHECK_FALSE(route->is_proxy);
        CHECK(route->proxy_authorization.empty());
        CHECK(is_connected(world.io, route->stream, server));
    }
    world.use_proxy(server.port(), "Basic dXNlcjpwYXNz");
    {
        auto route = world.io.run(world.dialer.dial_plain({"example.com", 80, false}));
        REQUIRE(route);
        CHECK(route->is_proxy);
        CHECK(route->proxy_authorization == "Basic dXNlcjpwYXNz");
        CHECK(is_connected(world.io, route->stream, server));
    }
    auto direct = world.io.run(world.dialer.dial_plain({"127.0.0.1", server.port(), true}));
    REQUIRE(direct);
    CHECK_FALSE(direct->is_proxy);
    CHECK(direct->proxy_authorization.empty());
}

TEST_CASE("dialer: what a no_proxy list covers") {
    using net::is_bypassed;
    CHECK(is_bypassed({"*"}, "anything"));
    CHECK(is_bypassed({"example.com"}, "example.com"));
    CHECK(is_bypassed({"example.com"}, "a.b.example.com"));
    CHECK(is_bypassed({".example.com"}, "example.com"));
    CHECK(is_bypassed({".example.com"}, "a.example.com"));
    CHECK(is_bypassed({"EXAMPLE.com"}, "a.example.com"));
    CHECK(is_bypassed({"10.0.0.1"}, "10.0.0.1"));
    CHECK(is_bypassed({"no", "example.com"}, "example.com"));
    CHECK_FALSE(is_bypassed({}, "example.com"));
    CHECK_FALSE(is_bypassed({"", "."}, "example.com"));
    CHECK_FALSE(is_bypassed({"example.com"}, "notexample.com"));
    CHECK_FALSE(is_bypassed({"example.com"}, "example.com.evil.test"));
    CHECK_FALSE(is_bypassed({"a.example.com"}, "example.com"));
    CHECK_FALSE(is_bypassed({"10.0.0.1"}, "110.0.0.1"));
}
