#include "proxy/edge_connection.h"

#include "proxy/edge_world.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::test;

namespace {

struct World : EdgeWorld {
    World() {
        auto pair = make_tcp_pair();
        client.emplace(to_stream(io, std::move(pair.a)));
        edge_side.emplace(to_stream(io, std::move(pair.b)));
    }
    ~World() {
        close(client);
        finish();
    }

    void serve() {
        tasks.spawn("edge", proxy::serve_edge_connection(std::move(*edge_side), services));
    }
    void send(std::string_view text) { REQUIRE(io.run(client->write_all(text, safety))); }
    std::string head() { return io.run(read_head(*client)); }
    std::string rest() { return io.run(read_to_end(*client)).bytes; }

    // The target's part: takes one connection and answers each piece with "target: " in front.
    void play_target() {
        play([](World& world) -> asio::awaitable<void> {
            TcpStream edge = co_await world.target.accept();
            for (;;) {
                std::string piece;
                const auto more = co_await edge.read_more(piece, 64 * 1024, safety);
                if (!more) co_return;
                world.at_target += piece;
                const std::string answer = "target: " + piece;
                co_await edge.write_all(answer, safety);
            }
        }(*this));
    }
    // Until the client has that text behind what it was told.
    void until_client_has(std::string_view text) {
        io.run([](World& world, std::string_view wanted) -> asio::awaitable<void> {
            while (world.at_client.find(wanted) == std::string::npos) {
                const auto more = co_await world.client->read_more(world.at_client, 4096, safety);
                if (!more) break;
            }
        }(*this, text));
        CHECK(at_client.find(text) != std::string::npos);
    }

    std::optional<TcpStream> client;
    std::optional<TcpStream> edge_side;
    std::string at_client;
    std::string at_target;
};

constexpr std::string_view offer_line =
    "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n";

struct Refusal {
    int status;
    std::string reason;
    std::string body;
};

// What the client is told when it sends that and no more.
Refusal refusal_of(World& world, std::string_view text) {
    world.serve();
    world.send(text);
    const auto answer = world.rest();
    std::size_t scanned = 0;
    const auto end = http::find_head_end(answer, scanned);
    REQUIRE(end > 0);
    const auto head = http::parse_response_head(std::string_view(answer).substr(0, end));
    REQUIRE(head);
    const auto* reason = head->headers.find("x-halton-reason");
    const auto* length = head->headers.find("Content-Length");
    REQUIRE(length != nullptr);
    CHECK(*length == std::to_string(answer.size() - end));
    CHECK(head->headers.has_token("Connection", "close"));
    return {head->status, reason ? *reason : "", answer.substr(end)};
}

}  // namespace

// ---- what the edge does not do ------------------------------------------------------------------

TEST_CASE("edge connection: every refusal has its status, reason and a sentence") {
    struct Case {
        std::string text;
        int status;
        std::string reason;
        std::string sentence;
    };
    const auto [text, status, reason, sentence] = GENERATE(values<Case>({
        {"\x16\x03\x01\x02\x03 and so on", 400, "tls-to-proxy", "http://127.0.0.1"},
        {"nonsense\r\n\r\n", 400, "malformed-head", "Not a request"},
        {"GET / HTTP/2.0\r\n\r\n", 400, "malformed-head", "Not a request"},
        {"CONNECT api.example.com HTTP/1.1\r\n\r\n", 400, "malformed-target", "host:port"},
        {"CONNECT api.example.com:99999 HTTP/1.1\r\n\r\n", 400, "malformed-target", "host:port"},
        {"CONNECT :443 HTTP/1.1\r\n\r\n", 400, "malformed-target", "host:port"},
        {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "not-a-proxy-request", "halton-meter"},
        {"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "not-a-proxy-request", "status"},
        {"GET api.example.com HTTP/1.1\r\n\r\n", 400, "malformed-target", "absolute"},
        {"GET http://user@api.example.com/ HTTP/1.1\r\n\r\n", 400, "malformed-target", "absolute"},
        {"GET https://api.example.com/ HTTP/1.1\r\n\r\n", 400, "absolute-https", "HTTPS_PROXY"},
        {"GET ftp://api.example.com:21/ HTTP/1.1\r\n\r\n", 400, "absolute-https", "ftp://"},
        // Without a port of its own a foreign scheme names no target at all.
        {"GET ftp://api.example.com/ HTTP/1.1\r\n\r\n", 400, "malformed-target", "absolute"},
        {"GET http://example.com/ HTTP/1.1\r\nX: " + std::string(70'000, 'x'), 431,
         "head-too-large", "64 KiB"},
    }));
    INFO(text.substr(0, 60));
    World world;
    world.limits.probe = Milliseconds(20);  // how long the rest of a refused client is read
    const auto refusal = refusal_of(world, text);
    CHECK(refusal.status == status);
    CHECK(refusal.reason == reason);
    CHECK(refusal.body.find(sentence) != std::string::npos);
    CHECK(world.target.accepted_count == 0);
    CHECK(world.daemon.accepted_count == 0);
}

TEST_CASE("edge connection: a slow head is told so, a silent client is let go") {
    World world;
    world.limits.first_head = Milliseconds(15);
    world.limits.probe = Milliseconds(5);
    SECTION("half a head") {
        const auto refusal = refusal_of(world, "CONNECT api.example.com:443 HT");
        CHECK(refusal.status == 408);
        CHECK(refusal.reason == "head-timeout");
    }
    SECTION("nothing") {
        world.serve();
        CHECK(world.rest().empty());
    }
    CHECK(world.target.accepted_count == 0);
}

TEST_CASE("edge connection: a client that leaves within its head") {
    World world;
    world.serve();
    world.send("CONNECT api.exa");
    world.client->shutdown_write();
    CHECK(world.rest().empty());
    world.io.until([&] { return world.tasks.size() == 0; });
}

TEST_CASE("edge connection: upstream trouble has a status before the tunnel stands") {
    World world;
    world.is_daemon_healthy = false;
    world.limits.probe = Milliseconds(20);
    const UnusedPort unused;
    std::string text(offer_line);
    int status = 502;
    std::string reason;
    SECTION("refused") {
        world.config.connect_to[0].to_port = unused.port();
        reason = "upstream-refused";
    }
    SECTION("no such name") {
        text = "CONNECT secret.onion:443 HTTP/1.1\r\n\r\n";
        reason = "upstream-dns";
    }
    SECTION("our own port") {
        world.own_port = world.target.port();
        status = 403;
        reason = "own-port";
    }
    SECTION("our own port, in plain") {
        world.own_port = world.target.port();
        text = "GET http://web.example.com/ HTTP/1.1\r\n\r\n";
        status = 403;
        reason = "own-port";
    }
    SECTION("plain, refused") {
        world.config.connect_to[1].to_port = unused.port();
        text = "GET http://web.example.com/ HTTP/1.1\r\n\r\n";
        reason = "upstream-refused";
    }
    SECTION("the corporate proxy says no") {
        world.config.has_upstream_proxy = true;
        world.config.upstream_proxy = {"127.0.0.1", world.daemon_port, {}};
        world.play([](World& in) -> asio::awaitable<void> {
            TcpStream edge = co_await in.daemon.accept();
            co_await read_head(edge);
            co_await edge.write_all("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", safety);
        }(world));
        text = "CONNECT other.example:443 HTTP/1.1\r\n\r\n";
        reason = "upstream-proxy";
    }
    SECTION("the corporate proxy says nothing") {
        world.limits.connect = Milliseconds(20);
        world.config.has_upstream_proxy = true;
        world.config.upstream_proxy = {"127.0.0.1", world.daemon_port, {}};
        text = "CONNECT other.example:443 HTTP/1.1\r\n\r\n";
        status = 504;
        reason = "upstream-timeout";
    }
    const auto refusal = refusal_of(world, text);
    CHECK(refusal.status == status);
    CHECK(refusal.reason == reason);
    CHECK_FALSE(refusal.body.empty());
}

// ---- tunnels ------------------------------------------------------------------------------------

TEST_CASE("edge connection: without a daemon the tunnel goes straight to the target") {
    World world;
    world.is_daemon_healthy = false;
    world.play_target();
    world.serve();
    SECTION("in turns") {
        world.send(offer_line);
        CHECK(world.head() == proxy::chain_protocol::taken);
        world.send("hello");
    }
    SECTION("the client does not wait for the 200") {
        world.send(std::string(offer_line) + "hello");
        CHECK(world.head() == proxy::chain_protocol::taken);
    }
    SECTION("byte by byte, with a method in small letters") {
        for (const char c : std::string("connect API.example.com.:443 HTTP/1.1\r\n\r\n"))
            world.send({&c, 1});
        CHECK(world.head() == proxy::chain_protocol::taken);
        world.send("hello");
    }
    world.until_client_has("target: hello");
    CHECK(world.at_target == "hello");
    CHECK(world.daemon.accepted_count == 0);
}

TEST_CASE("edge connection: loopback targets are none of the daemon's business") {
    World world;
    const std::string port = std::to_string(world.target.port());
    const std::string host = GENERATE("127.0.0.1", "localhost", "app.localhost",
                                      "[::ffff:127.0.0.1]", "127.0.0.3");
    INFO(host);
    world.play_target();
    world.serve();
    world.send("CONNECT " + host + ":" + port + " HTTP/1.1\r\n\r\nhello");
    const auto head = world.head();
    CHECK(world.daemon.accepted_count == 0);
    CHECK(world.probe_count == 0);
    if (host == "127.0.0.3" || host.starts_with('[')) return;  // nobody need listen there
    CHECK(head == proxy::chain_protocol::taken);
    world.until_client_has("target: hello");
}

TEST_CASE("edge connection: a healthy daemon takes over, the target is not dialled") {
    World world;
    world.play_daemon(&daemons::take);
    world.serve();
    world.send(std::string(offer_line) + "hello");
    CHECK(world.head() == proxy::chain_protocol::taken);
    world.until_client_has("daemon: hello");
    world.send("again");
    world.until_client_has("daemon: again");
    CHECK(world.target.accepted_count == 0);
    CHECK(world.offer.starts_with("CONNECT api.example.com:443 HTTP/1.1\r\n"));
}

TEST_CASE("edge connection: whatever the daemon does, the client reaches its target") {
    World world;
    world.limits.first_byte_check = Milliseconds(5);
    world.play_target();
    bool is_told_late = false;  // the client's words come only after its 200
    SECTION("declines") { world.play_daemon(&daemons::decline); }
    SECTION("is not there") {
        const UnusedPort unused;
        world.daemon_port = unused.port();
    }
    SECTION("is known to be down") { world.is_daemon_healthy = false; }
    SECTION("accepts and never answers") {
        world.limits.chain_answer = Milliseconds(20);
        world.play_daemon(&daemons::hang);
    }
    SECTION("ends at once") { world.play_daemon(&daemons::end_at_once); }
    SECTION("talks nonsense") { world.play_daemon(&daemons::talk_nonsense); }
    SECTION("dies after its first word") { world.play_daemon(&daemons::die_after_alive); }
    SECTION("hangs after its first word") {
        world.play_daemon([&world](TcpStream edge) {
            world.health.invalidate();
            return daemons::hang_after_alive(std::move(edge));
        });
    }
    SECTION("dies after its 200, before the client spoke") {
        is_told_late = true;
        world.play_daemon([](TcpStream edge) {
            return daemons::die_after_taken(std::move(edge), 0, true);
        });
    }
    SECTION("dies after its 200, with a part of the client's words") {
        world.play_daemon([](TcpStream edge) {
            return daemons::die_after_taken(std::move(edge), 5, false);
        });
    }
    SECTION("dies after its 200, with all of the client's words") {
        world.play_daemon([](TcpStream edge) {
            return daemons::die_after_taken(std::move(edge), 11, true);
        });
    }
    SECTION("hangs after its 200") {
        world.play_daemon([&world](TcpStream edge) {
            world.health.invalidate();
            return daemons::hang_after_taken(std::move(edge));
        });
    }
    world.serve();
    world.send(is_told_late ? std::string(offer_line) : std::string(offer_line) + "hello");
    CHECK(world.head() == proxy::chain_protocol::taken);
    world.send(is_told_late ? "hello world" : " world");
    world.io.until([&] { return world.at_target.size() >= 11; });
    CHECK(world.at_target == "hello world");
    world.until_client_has("world");
    CHECK(world.at_client.starts_with("target: hello"));
    CHECK(world.at_client.find("daemon") == std::string::npos);
    // And stays a tunnel.
    world.send("more");
    world.until_client_has("more");
    CHECK(world.at_target == "hello worldmore");
}

TEST_CASE("edge connection: after the daemon's first byte nothing is said twice") {
    World world;
    world.play_target();
    world.play_daemon([](TcpStream edge) -> asio::awaitable<void> {
        co_await edge.write_all(proxy::chain_protocol::taken, safety);
        co_await read_exactly(edge, 5);
        co_await edge.write_all("half an ans", safety);
    });
    world.serve();
    world.send(std::string(offer_line) + "hello");
    CHECK(world.head() == proxy::chain_protocol::taken);
    CHECK(world.rest() == "half an ans");
    CHECK(world.target.accepted_count == 0);
}

TEST_CASE("edge connection: the daemon died and the target is not there either") {
    World world;
    const UnusedPort unused;
    world.config.connect_to[0].to_port = unused.port();
    world.play_daemon([](TcpStream edge) {
        return daemons::die_after_taken(std::move(edge), 5, false);
    });
    world.serve();
    world.send(std::string(offer_line) + "hello");
    CHECK(world.head() == proxy::chain_protocol::taken);
    CHECK(world.rest().empty());  // no words of ours in the client's stream
}

// ---- plain HTTP ---------------------------------------------------------------------------------

TEST_CASE("edge connection: a plain request is rewritten, its body and answer are copied") {
    World world;
    world.play_target();
    world.serve();
    world.send("POST http://web.example.com/a?b HTTP/1.1\r\nHost: web.example.com\r\n"
               "Proxy-Connection: keep-alive\r\nContent-Length: 10\r\n\r\nhello");
    world.until_client_has("hello");
    world.send("world");
    world.until_client_has("world");
    CHECK(world.at_target ==
          "POST /a?b HTTP/1.1\r\nHost: web.example.com\r\nContent-Length: 10\r\n"
          "Connection: close\r\n\r\nhelloworld");
    CHECK(world.probe_count == 0);
}

TEST_CASE("edge connection: a plain request through the corporate proxy keeps its absolute form") {
    World world;
    world.config.has_upstream_proxy = true;
    world.config.upstream_proxy = {"127.0.0.1", world.target.port(), "Basic b3Vycw=="};
    world.play_target();
    world.serve();
    world.send("GET http://other.example/a HTTP/1.1\r\nHost: other.example\r\n\r\n");
    world.until_client_has("\r\n\r\n");
    CHECK(world.at_target ==
          "GET http://other.example/a HTTP/1.1\r\nHost: other.example\r\n"
          "Proxy-Authorization: Basic b3Vycw==\r\nConnection: close\r\n\r\n");
}

TEST_CASE("edge: it tells about itself on its own port, with a fresh look at the daemon") {
    proxy::EdgeCounts counts;
    const bool is_healthy = GENERATE(true, false);
    World world;
    world.services.counts = &counts;
    world.is_daemon_healthy = is_healthy;
    counts.note_passed(proxy::EdgePass::declined);
    world.serve();
    world.send("GET /health HTTP/1.1\r\nHost: 127.0.0.1:8081\r\n\r\n");
    const auto answer = world.rest();
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.find(is_healthy ? R"("mode": "chain")" : R"("mode": "passthrough")") !=
          std::string::npos);
    CHECK(answer.find(R"("declined": 1)") != std::string::npos);
    CHECK(world.probe_count == 1);
}

TEST_CASE("edge: a page that asks by a name of its own is told nothing") {
    proxy::EdgeCounts counts;
    World world;
    world.services.counts = &counts;
    const auto refusal =
        refusal_of(world, "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    CHECK(refusal.status == 400);
    CHECK(refusal.reason == "not-a-proxy-request");
}
