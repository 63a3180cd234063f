#include "proxy/intercept.h"

#include <list>

#include "net/task_group.h"
#include "proxy/chain_protocol.h"
#include "support/catch.h"
#include "support/replay.h"
#include "support/tls_peer.h"

using namespace halton;
using namespace halton::test;
namespace protocol = halton::proxy::chain_protocol;

namespace {

const std::string host = "api.anthropic.com";
const std::string other_host = "api.openai.com";  // metered as well

// The provider's keys and ours. Made once: nothing of a test changes them.
TlsWorld& provider_keys() {
    static TlsWorld world({host, other_host, "somewhere.example"});
    return world;
}
TlsWorld& own_keys() {
    static TlsWorld world({host, other_host});
    return world;
}

const std::string request_text = [] {
    const std::string body = R"({"model":"claude-sonnet-4-5","max_tokens":10,"messages":[]})";
    return "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}();
const std::string answer_text = [] {
    const std::string body =
        R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5",)"
        R"("content":[],"stop_reason":"end_turn","usage":{"input_tokens":21,"output_tokens":4}})";
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}();

class World {
public:
    // The daemon verifies upstreams against those keys.
    explicit World(TlsWorld& trusted = provider_keys())
        : upstream_tls(std::move(*tls::UpstreamContext::make({trusted.files.certificate_pem}))) {
        connect_again();
        for (const char* name : {"api.anthropic.com", "api.openai.com", "192.0.2.1"})
            config.connect_to.push_back({name, 443, "127.0.0.1", upstream.port()});
    }
    ~World() {
        close(edge);
        client.reset();
        io.until([&] {
            shuttle->interrupt_all();
            tasks.cancel_all();
            return tasks.size() == 0 && shuttle->count() == 0;
        });
    }

    // The edge offers a connection to `target`, as it does on the chain hop.
    void offer(const http::Target& target) {
        tasks.spawn("intercept", proxy::serve_intercept(std::move(*daemon_side), services));
        const auto text = [](const asio::ip::tcp::endpoint& at) {
            return at.address().to_string() + ":" + std::to_string(at.port());
        };
        say(protocol::make_request(target, {text(edge->local_address()),
                                            text(edge->remote_address())}));
    }
    void offer(const std::string& name) { offer(http::Target{name, 443, false}); }
    void say(std::string_view text) { REQUIRE(io.run(edge->write_all(text, safety))); }
    std::string head() { return io.run(read_head(*edge)); }
    std::string rest() { return io.run(read_to_end(*edge)).bytes; }
    // The daemon's two words, in their order.
    void expect_taken() {
        CHECK(head() == protocol::alive);
        CHECK(head() == protocol::taken);
    }
    void expect_decline(const std::string& reason) {
        CHECK(head() == protocol::alive);
        CHECK(rest() == protocol::make_decline(reason));
        CHECK(passthrough[reason] == 1);
    }
    // The next connection of the same client, to the same daemon.
    void connect_again() {
        client.reset();
        auto pair = make_tcp_pair();
        edge.emplace(to_stream(io, std::move(pair.a)));
        daemon_side.emplace(to_stream(io, std::move(pair.b)));
    }

    // The upstream takes `count` connections and answers each request on them.
    void play_upstream(int count, std::function<tls::TlsEngine()> make_engine) {
        tasks.spawn("upstream", [](World& world, int left, std::function<tls::TlsEngine()> make)
                        -> asio::awaitable<void> {
            for (; left > 0; --left) {
                TcpStream stream = co_await world.upstream.accept();
                world.tasks.spawn("server", serve(world, std::move(stream), make()));
            }
        }(*this, count, std::move(make_engine)));
    }
    void play_upstream(int count = 1, const std::string& name = host) {
        play_upstream(count, [name] { return provider_keys().make_server(name, "http/1.1"); });
    }

    // The client's handshake, behind the daemon's 200.
    Result<void> shake(tls::TlsEngine engine) {
        client.emplace(std::move(*edge), std::move(engine));
        return io.run(client->shake_hands());
    }
    // One call through the tunnel.
    void call() {
        REQUIRE(io.run(client->write(request_text)));
        const auto wanted = client->received.size() + answer_text.size();
        io.run(client->read_until(wanted));
        CHECK(client->received.ends_with(answer_text));
    }

    Io io;
    Limits limits = generous_limits();
    config::Config config;
    Server upstream{io};
    net::Dialer dialer{io.context, config, limits,
                       [](const asio::ip::address&, std::uint16_t) { return false; }};
    std::unique_ptr<net::Shuttle> shuttle = std::move(*net::Shuttle::make(io.context, safety));
    platform::SocketOwners owners;  // outlives the worker that uses it
    net::Blocking blocking{io.context};
    tls::LeafCache leaves{own_keys().authority, system_clock()};
    std::unique_ptr<tls::UpstreamContext> upstream_tls;
    meter::HostList hosts = meter::HostList({}, {});
    CollectingSink sink;
    FakeClock clock;
    std::string default_project = "misc";
    proxy::Refusals refusals;
    proxy::PassthroughCounts passthrough;
    net::TaskGroup tasks{io.context.get_executor()};
    net::Turns turns{io.context};
    proxy::InterceptServices services{
        io.context, limits, dialer, *shuttle, blocking,        owners,   leaves,     *upstream_tls,
        hosts,      meter::PriceBook::bundled(), sink, clock, default_project, refusals, passthrough,
        nullptr,    nullptr, &turns};
    std::optional<TcpStream> edge;
    std::optional<TcpStream> daemon_side;
    std::optional<TlsPeer> client;
    std::string at_upstream;         // plaintext of requests
    int upstream_handshake_count = 0;  // that succeeded

private:
    static asio::awaitable<void> serve(World& world, TcpStream stream, tls::TlsEngine engine) {
        TlsPeer peer(std::move(stream), std::move(engine));
        const auto shaken = co_await peer.shake_hands();
        if (!shaken) co_return;
        ++world.upstream_handshake_count;
        std::size_t answered = 0;
        for (;;) {
            co_await peer.read_until((answered + 1) * request_text.size());
            if (peer.is_over()) break;
            world.at_upstream += peer.received.substr(answered * request_text.size());
            ++answered;
            const auto sent = co_await peer.write(answer_text);
            if (!sent) break;
        }
    }
};

// Sends plain bytes down the tunnel and up again.
void check_raw(World& world, const std::string& first_bytes) {
    world.tasks.spawn("upstream", [](World& in) -> asio::awaitable<void> {
        TcpStream stream = co_await in.upstream.accept();
        for (;;) {
            std::string piece;
            const auto more = co_await stream.read_more(piece, 4096, safety);
            if (!more) co_return;
            in.at_upstream += piece;
            co_await stream.write_all(piece, safety);
        }
    }(world));
    world.say(first_bytes);
    CHECK((world.io.run(read_exactly(*world.edge, first_bytes.size())) == first_bytes));
    CHECK((world.at_upstream == first_bytes));
    world.say("more");
    CHECK(world.io.run(read_exactly(*world.edge, 4)) == "more");
    CHECK(world.sink.calls.empty());
}

// A ClientHello as that engine writes it.
std::string hello_of(tls::TlsEngine engine) {
    REQUIRE(engine.handshake());
    return engine.output();
}

}  // namespace

// ---- declined: the edge goes on without us --------------------------------------------------------

TEST_CASE("intercept: what is not metered is handed back at once, without dialling") {
    World world;
    world.offer("somewhere.example");
    world.expect_decline("not-metered");
    CHECK(world.upstream.accepted_count == 0);
}

TEST_CASE("intercept: an upstream that cannot be reached is the edge's to explain") {
    World world;
    const UnusedPort unused;
    for (auto& entry : world.config.connect_to) entry.to_port = unused.port();
    world.offer(host);
    world.expect_decline("upstream-unreachable");
}

TEST_CASE("intercept: says that it is alive before it dials") {
    World world;
    const platform::Socket full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = loopback(0);
    REQUIRE(::bind(full.descriptor(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(full.descriptor(), 0) == 0);
    std::list<asio::ip::tcp::socket> fillers;
    for (int i = 0; i < 4; ++i)
        fillers.emplace_back(world.io.context)
            .async_connect({asio::ip::address_v4::loopback(), port_of(full.descriptor())},
                           [](std::error_code) {});
    world.io.run(wait_for(world.io, Milliseconds(5)));
    for (auto& entry : world.config.connect_to) entry.to_port = port_of(full.descriptor());
    world.limits.connect = Milliseconds(50);
    world.offer(host);
    world.expect_decline("upstream-unreachable");
}

TEST_CASE("intercept: peers that are not the edge get a 400, or nothing") {
    World world;
    world.tasks.spawn("intercept",
                      proxy::serve_intercept(std::move(*world.daemon_side), world.services));
    std::string text;
    bool has_answer = true;
    SECTION("a request for a page") { text = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"; }
    SECTION("nonsense") { text = "what?\r\n\r\n"; }
    SECTION("half a head") {
        text = "CONNECT api.anth";
        has_answer = false;
    }
    SECTION("nothing") { has_answer = false; }
    if (!text.empty()) world.say(text);
    world.edge->shutdown_write();
    const auto answer = world.rest();
    CHECK(answer.starts_with("HTTP/1.1 400 ") == has_answer);
    CHECK((answer.find("edge-only") != std::string::npos) == has_answer);
    CHECK(world.upstream.accepted_count == 0);
}

// ---- raw: what we cannot read honestly -------------------------------------------------------------

TEST_CASE("intercept: what is no TLS, or names no host of ours, goes through untouched") {
    World world;
    http::Target target{host, 443, false};
    std::string first_bytes;
    std::string reason;
    SECTION("not TLS") {
        first_bytes = "SSH-2.0-client\r\n";
        reason = "not-tls";
    }
    SECTION("no server name") {
        first_bytes = hello_of(provider_keys().make_client(""));
        reason = "no-sni";
    }
    SECTION("an unknown server name") {
        target = {"192.0.2.1", 443, true};
        first_bytes = hello_of(provider_keys().make_client("somewhere.example"));
        reason = "unknown-sni";
    }
    SECTION("another host than the one asked for") {
        first_bytes = hello_of(provider_keys().make_client(other_host));
        reason = "sni-differs";
    }
    world.offer(target);
    world.expect_taken();
    check_raw(world, first_bytes);
    CHECK(world.passthrough[reason] == 1);
    CHECK(world.upstream.accepted_count == 1);
}

TEST_CASE("intercept: a server that does not verify is the client's to judge") {
    World world(own_keys());  // the daemon trusts other roots than the client does
    world.play_upstream(2);
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(provider_keys().make_client(host, {"http/1.1"})));
    world.call();  // the client's own handshake, with the real server
    CHECK(world.upstream.accepted_count == 2);
    CHECK(world.passthrough["upstream-unverified"] == 1);
    CHECK(world.sink.calls.empty());
}

TEST_CASE("intercept: a server that wants to know the client gets to ask the client") {
    World world;
    world.play_upstream(2, [] {
        const auto context =
            provider_keys().authority->make_leaf_context(host, system_clock().now_utc());
        SSL_CTX_set_verify(context->get(), SSL_VERIFY_PEER, nullptr);
        return std::move(*tls::TlsEngine::make(context->get(), tls::TlsEngine::Role::server));
    });
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(provider_keys().make_client(host)));
    world.call();
    CHECK(world.passthrough["client-certificate-asked"] == 1);
    CHECK(world.sink.calls.empty());
}

TEST_CASE("intercept: a server whose handshake fails, and then is gone") {
    World world;
    world.tasks.spawn("upstream", [](World& in) -> asio::awaitable<void> {
        {
            TcpStream first = co_await in.upstream.accept();
            std::string hello;
            co_await first.read_more(hello, 1024, safety);
            co_await first.write_all("HTTP/1.1 400 plain text here\r\n\r\n", safety);
        }
        TcpStream second = co_await in.upstream.accept();
        co_await second.read_more(in.at_upstream, 4096, safety);
        co_await second.write_all("still plain", safety);
    }(world));
    world.offer(host);
    world.expect_taken();
    const auto hello = hello_of(provider_keys().make_client(host));
    world.say(hello);
    CHECK(world.io.run(read_exactly(*world.edge, 11)) == "still plain");
    CHECK((world.at_upstream == hello));
    CHECK(world.passthrough["upstream-handshake"] == 1);
}

// ---- metered ----------------------------------------------------------------------------------------

TEST_CASE("intercept: a call is metered, byte for byte, and makes one row") {
    World world;
    http::Target target{host, 443, false};
    SECTION("by name") {}
    SECTION("by address") { target = {"192.0.2.1", 443, true}; }
    world.play_upstream();
    world.offer(target);
    world.expect_taken();
    REQUIRE(world.shake(own_keys().make_client(host, {"h2", "http/1.1"})));
    CHECK(world.client->engine().alpn() == "http/1.1");
    world.call();
    CHECK(world.at_upstream == request_text);
    REQUIRE(world.sink.calls.size() == 1);
    const auto& call = world.sink.calls[0];
    CHECK(call.host == host);
    CHECK(call.model == "claude-sonnet-4-5");
    CHECK(call.usage.input == 21);
    CHECK(call.usage.output == 4);
    CHECK(call.tokens_complete);
    CHECK(call.status == "success");
    CHECK_FALSE(call.project_slug.empty());

    world.call();
    CHECK(world.sink.calls.size() == 2);
    CHECK(world.passthrough.empty());
    CHECK(world.upstream.accepted_count == 1);
    world.io.run(world.client->end());
    world.io.until([&] { return world.shuttle->count() == 0; });
}

TEST_CASE("intercept: the upstream chooses from the client's list, and the client gets that") {
    World world;
    // Only for a protocol of the list would the upstream's end choose it.
    const std::string chosen = GENERATE(as<std::string>{}, "h2", "http/1.1", "");
    world.play_upstream(1, [&] { return provider_keys().make_server(host, chosen); });
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(own_keys().make_client(host, {"x-first", "h2", "http/1.1"})));
    CHECK(world.client->engine().alpn() == chosen);
    CHECK(world.passthrough.empty());
    CHECK(world.upstream.accepted_count == 1);
    // The upstream of this test speaks HTTP/1.1 whatever was chosen.
    world.call();
    CHECK(world.sink.calls.size() == (chosen == "h2" ? 0 : 1));
}

TEST_CASE("intercept: a protocol without a tap is passed raw, on a fresh connection") {
    World world;
    world.play_upstream(2, [] { return provider_keys().make_server(host, "x-other"); });
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(provider_keys().make_client(host, {"h2", "x-other"})));
    CHECK(world.client->engine().alpn() == "x-other");
    world.call();
    CHECK(world.upstream.accepted_count == 2);
    CHECK(world.passthrough["other-protocol"] == 1);
    CHECK(world.sink.calls.empty());
}

TEST_CASE("intercept: without ALPN no protocol is chosen for the client") {
    World world;
    world.play_upstream();
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(own_keys().make_client(host)));
    CHECK(world.client->engine().alpn().empty());
    world.call();
    CHECK(world.sink.calls.size() == 1);
}

TEST_CASE("intercept: a hello that comes in pieces, some of them with the offer") {
    World world;
    world.play_upstream();
    auto engine = own_keys().make_client(host, {"http/1.1"});
    REQUIRE(engine.handshake());
    std::string hello = std::move(engine.output());
    engine.output().clear();
    const std::size_t early = GENERATE(as<std::size_t>{}, 0, 3, 100);
    world.tasks.spawn("intercept",
                      proxy::serve_intercept(std::move(*world.daemon_side), world.services));
    world.say(protocol::make_request({host, 443, false}, {}) + hello.substr(0, early));
    world.expect_taken();
    for (std::size_t at = early; at < hello.size(); at += 50) {
        world.say(std::string_view(hello).substr(at, 50));
        world.io.settle();
    }
    REQUIRE(world.shake(std::move(engine)));
    world.call();
    REQUIRE(world.sink.calls.size() == 1);
    CHECK(world.sink.calls[0].project_slug == "misc");  // nobody said whose connection it is
}

TEST_CASE("intercept: a client that leaves in the middle of a call makes one incomplete row") {
    World world;
    world.tasks.spawn("upstream", [](World& in) -> asio::awaitable<void> {
        TcpStream stream = co_await in.upstream.accept();
        TlsPeer peer(std::move(stream), provider_keys().make_server(host, "http/1.1"));
        const auto shaken = co_await peer.shake_hands();
        if (!shaken) co_return;
        co_await peer.read_until(request_text.size());
        const std::string half = answer_text.substr(0, answer_text.size() / 2);
        co_await peer.write(half);
        co_await peer.read_to_end();
    }(world));
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(own_keys().make_client(host)));
    REQUIRE(world.io.run(world.client->write(request_text)));
    world.io.run(world.client->read_until(10));
    {
        const auto socket = world.client->stream().release();
        socket.reset_on_close();
    }
    world.io.until([&] { return !world.sink.calls.empty(); });
    CHECK(world.sink.calls.size() == 1);
    CHECK_FALSE(world.sink.calls[0].tokens_complete);
    CHECK(world.sink.calls[0].status == "aborted");
}

// ---- clients that refuse our certificate ----------------------------------------------------------

TEST_CASE("intercept: a client that refuses is left alone from the next connection on") {
    World world;
    world.play_upstream(3);
    world.offer(host);
    world.expect_taken();
    SECTION("by an alert") { CHECK_FALSE(world.shake(provider_keys().make_client(host))); }
    SECTION("by a reset") {
        world.say(hello_of(own_keys().make_client(host)));
        std::string flight;
        REQUIRE(world.io.run(world.edge->read_more(flight, 16 * 1024, safety)));
        const auto socket = world.edge->release();
        socket.reset_on_close();
    }
    SECTION("by an end") {
        world.say(hello_of(own_keys().make_client(host)));
        std::string flight;
        REQUIRE(world.io.run(world.edge->read_more(flight, 16 * 1024, safety)));
        world.edge->shutdown_write();
    }
    world.io.until([&] { return world.passthrough.contains("client-refused"); });
    CHECK(world.refusals.all().size() == 1);
    CHECK(world.refusals.all()[0].host == host);

    world.connect_again();
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(provider_keys().make_client(host)));
    world.call();
    CHECK(world.passthrough["client-refuses"] == 1);
    CHECK(world.sink.calls.empty());
}

TEST_CASE("intercept: a refusing client that asks by address goes through untouched") {
    World world;
    world.play_upstream(1);
    world.offer(host);
    world.expect_taken();
    CHECK_FALSE(world.shake(provider_keys().make_client(host)));
    world.io.until([&] { return world.passthrough.contains("client-refused"); });

    world.connect_again();
    world.offer(http::Target{"192.0.2.1", 443, true});
    world.expect_taken();
    world.play_upstream(1);
    REQUIRE(world.shake(provider_keys().make_client(host)));
    world.call();
    CHECK(world.passthrough["client-refuses"] == 1);
    CHECK(world.sink.calls.empty());
}

TEST_CASE("intercept: a silent close behind the handshake counts when it repeats") {
    World world;
    world.play_upstream(3);
    for (int i = 0; i < 2; ++i) {
        world.offer(host);
        world.expect_taken();
        REQUIRE(world.shake(own_keys().make_client(host)));
        CHECK_FALSE(world.passthrough.contains("client-refuses"));
        const auto before = world.refusals.all().empty() ? 0 : world.refusals.all()[0].count;
        world.io.run(world.client->end());
        world.client.reset();
        world.io.until([&] {
            return !world.refusals.all().empty() && world.refusals.all()[0].count > before;
        });
        world.clock.advance(std::chrono::seconds(1));
        world.connect_again();
    }
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(provider_keys().make_client(host)));
    world.call();
    CHECK(world.passthrough["client-refuses"] == 1);
    CHECK(world.sink.calls.empty());
}

TEST_CASE("intercept: a call that goes through makes refusals forgotten") {
    World world;
    world.play_upstream(2);
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(own_keys().make_client(host)));
    world.io.run(world.client->end());
    world.client.reset();
    world.io.until([&] { return world.refusals.all().size() == 1; });

    world.connect_again();
    world.offer(host);
    world.expect_taken();
    REQUIRE(world.shake(own_keys().make_client(host)));
    world.call();
    world.io.run(world.client->end());
    world.client.reset();
    world.io.until([&] { return world.refusals.all().empty(); });
}
