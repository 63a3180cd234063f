#include "net/tls_handshake.h"

#include "net/task_group.h"
#include "support/catch.h"
#include "support/tls_peer.h"

using namespace halton;
using namespace halton::test;
using tls::TlsEngine;

namespace {

struct Ends {
    explicit Ends(int buffer_bytes = 0) {
        auto pair = make_tcp_pair(buffer_bytes);
        client.emplace(to_stream(io, std::move(pair.a)));
        server.emplace(to_stream(io, std::move(pair.b)));
    }
    ~Ends() {
        tasks.cancel_all();
        io.run(tasks.join(safety));
    }

    // The server's handshake beside whatever the test does; the result stays in `served`.
    void serve(TlsEngine& engine, std::string first_bytes = {}) {
        tasks.spawn("server", [](Ends& ends, TlsEngine& with, std::string bytes)
                        -> asio::awaitable<void> {
            auto done = co_await net::run_handshake(*ends.server, with, std::move(bytes), safety,
                                                    Leg::client);
            ends.served.emplace(std::move(done));
            if (!*ends.served) ends.server.reset();
        }(*this, engine, std::move(first_bytes)));
    }
    Result<std::string> shake(TlsEngine& engine, Milliseconds limit = safety) {
        return io.run(net::run_handshake(*client, engine, {}, limit, Leg::upstream));
    }

    Io io;
    net::TaskGroup tasks{io.context.get_executor()};
    std::optional<TcpStream> client;
    std::optional<TcpStream> server;
    std::optional<Result<std::string>> served;
};

std::string decrypt(TlsEngine& engine, std::string_view ciphertext) {
    char buffer[1024];
    engine.give(ciphertext);
    const auto got = engine.decrypt(buffer);
    return got ? std::string(buffer, got->bytes) : "failed";
}

}  // namespace

TEST_CASE("tls handshake: both ends arrive, with and without bytes that were read before") {
    TlsWorld world({"api.example.com"});
    Ends ends;
    auto client = world.make_client("api.example.com", {"h2", "http/1.1"});
    auto server = world.make_server("api.example.com", "http/1.1");
    if (GENERATE(true, false)) {
        REQUIRE(client.handshake());
        std::string hello = std::move(client.output());
        client.output().clear();
        const std::size_t cut = hello.size() / 2;
        REQUIRE(ends.io.run(ends.client->write_all(hello.substr(cut), safety)));
        ends.serve(server, hello.substr(0, cut));
    } else {
        ends.serve(server);
    }
    const auto rest = ends.shake(client);
    REQUIRE(rest);
    ends.io.until([&] { return ends.served.has_value(); });
    REQUIRE(*ends.served);
    CHECK(client.alpn() == "http/1.1");
    CHECK(server.alpn() == "http/1.1");
}

TEST_CASE("tls handshake: data that comes behind it is handed on, not lost") {
    TlsWorld world({"api.example.com"});
    Ends ends;
    auto client = world.make_client("api.example.com");
    auto server = world.make_server("api.example.com");
    // The client's last flight and its first request in one piece, as real clients send it.
    ends.serve(server);
    std::string flight;
    for (bool is_done = false; !is_done;) {
        const auto progress = client.handshake();
        REQUIRE(progress);
        is_done = *progress == TlsEngine::Progress::done;
        flight = std::move(client.output());
        client.output().clear();
        if (is_done) break;
        std::string answer;
        if (!flight.empty()) REQUIRE(ends.io.run(ends.client->write_all(flight, safety)));
        REQUIRE(ends.io.run(ends.client->read_more(answer, 64 * 1024, safety)));
        client.give(answer);
        const auto next = client.handshake();
        REQUIRE(next);
        client.give({});
        is_done = *next == TlsEngine::Progress::done;
        flight = std::move(client.output());
        client.output().clear();
    }
    REQUIRE(client.encrypt("GET / HTTP/1.1\r\n\r\n", flight));
    REQUIRE(ends.io.run(ends.client->write_all(flight, safety)));
    ends.io.until([&] { return ends.served.has_value(); });
    REQUIRE(*ends.served);
    std::string rest = **ends.served;
    if (rest.empty()) REQUIRE(ends.io.run(ends.server->read_more(rest, 64 * 1024, safety)));
    CHECK(decrypt(server, rest) == "GET / HTTP/1.1\r\n\r\n");
}

TEST_CASE("tls handshake: a certificate that does not verify, seen from both ends") {
    TlsWorld world({"api.example.com"});
    TlsWorld other({"api.example.com"});
    Ends ends;
    const bool is_wrong_name = GENERATE(true, false);
    auto client = is_wrong_name ? world.make_client("www.api.example.com")
                                : other.make_client("api.example.com");
    auto server = world.make_server("api.example.com");
    ends.serve(server);
    const auto rest = ends.shake(client);
    REQUIRE_FALSE(rest);
    CHECK(rest.error().kind == ErrorKind::tls_verify);
    CHECK(rest.error().leg == Leg::upstream);
    ends.io.until([&] { return ends.served.has_value(); });
    REQUIRE_FALSE(*ends.served);
    CHECK(ends.served->error().kind == ErrorKind::tls_alert);
    CHECK(ends.served->error().leg == Leg::client);
}

TEST_CASE("tls handshake: peers that leave, are silent, or speak something else") {
    TlsWorld world({"api.example.com"});
    Ends ends;
    auto client = world.make_client("api.example.com");
    Milliseconds limit = safety;
    ErrorKind expected{};
    SECTION("closed") {
        ends.server->shutdown_write();
        expected = ErrorKind::closed;
    }
    SECTION("reset") {
        ends.server->release().reset_on_close();
        expected = ErrorKind::reset;
    }
    SECTION("silent") {
        limit = Milliseconds(15);
        expected = ErrorKind::timeout;
    }
    SECTION("plain text") {
        REQUIRE(ends.io.run(ends.server->write_all("HTTP/1.1 400 Bad Request\r\n\r\n", safety)));
        expected = ErrorKind::tls_protocol;
    }
    const auto rest = ends.shake(client, limit);
    REQUIRE_FALSE(rest);
    CHECK(rest.error().kind == expected);
}
