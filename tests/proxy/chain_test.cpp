#include "proxy/chain.h"

#include "proxy/edge_world.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::test;
using proxy::ChainOutcome;

namespace {

struct World : EdgeWorld {
    World() {
        auto pair = make_tcp_pair();
        client.emplace(to_stream(io, std::move(pair.a)));
        edge_side = std::make_unique<TcpStream>(to_stream(io, std::move(pair.b)));
    }
    ~World() {
        outcome.reset();
        close(client);  // a chain waits as long as there is a client
        finish();
    }

    // Runs the hop until it has decided, with the client's play beside it.
    ChainOutcome& run(std::string first_flight = {}) {
        play([](World& world, std::string bytes) -> asio::awaitable<void> {
            http::Target to{"api.example.com", 443, false};
            auto made = co_await proxy::chain(std::move(world.edge_side), std::move(to),
                                              std::move(bytes), world.services);
            world.outcome.emplace(std::move(made));
        }(*this, std::move(first_flight)));
        io.until([&] { return outcome.has_value(); });
        return *outcome;
    }

    std::optional<TcpStream> client;
    std::unique_ptr<TcpStream> edge_side;
    std::optional<ChainOutcome> outcome;
    std::string told;  // the head that the client got
    std::string got;   // and what came behind it
};

// The client reads the 200 and says the words.
asio::awaitable<void> talk(World& world, std::string words) {
    world.told = co_await read_head(*world.client);
    co_await world.client->write_all(words, safety);
}

// Whether the outcome is "go on yourself", with everything the client has said and will say.
void check_given_back(World& world, bool is_established, const std::string& first_flight) {
    REQUIRE(world.outcome->client);
    CHECK_FALSE(world.outcome->taken);
    CHECK(world.outcome->is_established == is_established);
    CHECK(world.outcome->first_flight == first_flight);
    REQUIRE(world.io.run(world.client->write_all("more", safety)));
    CHECK(world.io.run(read_exactly(*world.outcome->client, 4)) == "more");
    REQUIRE(world.io.run(world.outcome->client->write_all("back", safety)));
    CHECK(world.io.run(read_exactly(*world.client, 4)) == "back");
}

}  // namespace

TEST_CASE("chain: the daemon is told target and client, takes over, and answers") {
    World world;
    world.play_daemon(&daemons::take);
    const auto client_address = world.client->local_address();
    const auto edge_address = world.client->remote_address();
    world.play(talk(world, " world"));
    auto& outcome = world.run("hello");
    REQUIRE(outcome.taken);
    CHECK_FALSE(outcome.client);
    CHECK(outcome.is_established);
    CHECK(world.told == proxy::chain_protocol::taken);

    const auto request = proxy::chain_protocol::parse_request(world.offer);
    REQUIRE(request);
    CHECK(request->target.host == "api.example.com");
    CHECK(request->target.port == 443);
    CHECK(request->address.client == "127.0.0.1:" + std::to_string(client_address.port()));
    CHECK(request->address.edge == "127.0.0.1:" + std::to_string(edge_address.port()));

    world.shuttle->adopt(std::move(outcome.taken));
    world.io.run([](World& in) -> asio::awaitable<void> {
        while (in.got.find("world") == std::string::npos) {
            const auto more = co_await in.client->read_more(in.got, 100, safety);
            if (!more) break;
        }
    }(world));
    CHECK(world.got.starts_with("daemon: hello"));
    CHECK(world.got.ends_with(" world"));
    CHECK(world.target.accepted_count == 0);
}

TEST_CASE("chain: a decline gives everything back, and is no sign of ill health") {
    World world;
    REQUIRE(world.io.run(world.health.is_healthy()));
    world.play_daemon(&daemons::decline);
    world.run("hello");
    check_given_back(world, false, "hello");
    CHECK(world.io.run(world.health.is_healthy()));
}

TEST_CASE("chain: a daemon that cannot be had before its 200 leaves the client untouched") {
    World world;
    REQUIRE(world.io.run(world.health.is_healthy()));
    SECTION("nobody listens") {
        const UnusedPort unused;
        world.daemon_port = unused.port();
        world.run("hello");
    }
    SECTION("hangs") {
        world.limits.chain_answer = Milliseconds(20);
        world.play_daemon(&daemons::hang);
        world.run("hello");
    }
    SECTION("ends at once") {
        world.play_daemon(&daemons::end_at_once);
        world.run("hello");
    }
    SECTION("talks nonsense") {
        world.play_daemon(&daemons::talk_nonsense);
        world.run("hello");
    }
    SECTION("dies after its first word") {
        world.play_daemon(&daemons::die_after_alive);
        world.run("hello");
    }
    SECTION("hangs after its first word") {
        world.limits.first_byte_check = Milliseconds(5);
        world.play_daemon([&world](TcpStream edge) -> asio::awaitable<void> {
            world.health.invalidate();
            return daemons::hang_after_alive(std::move(edge));
        });
        world.run("hello");
    }
    SECTION("is healthy, and dials for longer than anybody may") {
        world.limits.first_byte_check = Milliseconds(5);
        world.limits.resolve = world.limits.connect = Milliseconds(15);
        world.play_daemon(&daemons::hang_after_alive);
        world.run("hello");
    }
    check_given_back(world, false, "hello");
    CHECK_FALSE(world.io.run(world.health.is_healthy()));
}

TEST_CASE("chain: a slow upstream is no hung daemon") {
    World world;
    world.limits.chain_answer = safety;
    world.limits.first_byte_check = Milliseconds(2);
    world.play_daemon([&world](TcpStream edge) -> asio::awaitable<void> {
        return [](World& in, TcpStream to) -> asio::awaitable<void> {
            co_await to.write_all(proxy::chain_protocol::alive, safety);
            co_await wait_for(in.io, Milliseconds(30));  // several checks
            co_await to.write_all(proxy::chain_protocol::alive, safety);
            co_await daemons::take(std::move(to));
        }(world, std::move(edge));
    });
    world.play(talk(world, "hello"));
    CHECK(world.run().taken);
}

TEST_CASE("chain: a daemon that dies between its 200 and its first byte, all is given back") {
    const bool is_reset = GENERATE(true, false);
    const std::size_t read_count = GENERATE(as<std::size_t>{}, 0, 5, 11);
    INFO("reset " << is_reset << ", after " << read_count << " bytes");
    World world;
    world.play_daemon([=](TcpStream edge) {
        return daemons::die_after_taken(std::move(edge), read_count, is_reset);
    });
    world.play(talk(world, " world"));
    world.run("hello");
    REQUIRE(world.outcome->client);
    CHECK_FALSE(world.outcome->taken);
    CHECK(world.outcome->is_established);
    world.io.until([&] { return !world.told.empty(); });
    CHECK(world.told == proxy::chain_protocol::taken);
    // What was not read by the daemon's hop may still be in the socket: together it is all.
    std::string whole = world.outcome->first_flight;
    if (whole.size() < 11)
        whole += world.io.run(read_exactly(*world.outcome->client, 11 - whole.size()));
    CHECK(whole == "hello world");
    REQUIRE(world.io.run(world.outcome->client->write_all("back", safety)));
    CHECK(world.io.run(read_exactly(*world.client, 4)) == "back");
    CHECK_FALSE(world.io.run(world.health.is_healthy()));
}

TEST_CASE("chain: a daemon that hangs after its 200 is given up when its health says so") {
    World world;
    world.limits.first_byte_check = Milliseconds(5);
    world.play_daemon([&world](TcpStream edge) -> asio::awaitable<void> {
        world.health.invalidate();
        return daemons::hang_after_taken(std::move(edge));
    });
    // Still chained at first: the hop itself does not ask before its 200.
    world.play(talk(world, " world"));
    world.run("hello");
    REQUIRE(world.outcome->client);
    CHECK(world.outcome->is_established);
    std::string whole = world.outcome->first_flight;
    if (whole.size() < 11)
        whole += world.io.run(read_exactly(*world.outcome->client, 11 - whole.size()));
    CHECK(whole == "hello world");
}

TEST_CASE("chain: a model that thinks is waited for as long as the daemon is well") {
    World world;
    world.limits.first_byte_check = Milliseconds(2);
    world.play_daemon([&world](TcpStream edge) -> asio::awaitable<void> {
        return [](World& in, TcpStream to) -> asio::awaitable<void> {
            co_await to.write_all(proxy::chain_protocol::taken, safety);
            co_await read_exactly(to, 5);
            co_await wait_for(in.io, Milliseconds(200));  // a few looks of the shuttle
            co_await to.write_all("thought", safety);
            co_await read_to_end(to);
        }(world, std::move(edge));
    });
    world.play(talk(world, ""));
    auto& outcome = world.run("hello");
    REQUIRE(outcome.taken);
    CHECK(outcome.taken->is_answered());
    CHECK(world.io.run(read_exactly(*world.client, 7)) == "thought");
}

TEST_CASE("chain: without a client there is nothing to give back") {
    World world;
    SECTION("gone before the 200 could be said") {
        world.play_daemon([&world](TcpStream edge) -> asio::awaitable<void> {
            const auto socket = world.client->release();
            socket.reset_on_close();
            return daemons::take(std::move(edge));
        });
    }
    SECTION("gone after its words") {
        world.play_daemon(&daemons::hang_after_taken);
        world.play([](World& in) -> asio::awaitable<void> {
            co_await read_head(*in.client);
            const auto socket = in.client->release();
            socket.reset_on_close();
        }(world));
    }
    const auto& outcome = world.run("hello");
    CHECK_FALSE(outcome.client);
    // What the first case's daemon answered may have come before the reset was seen.
    if (outcome.taken) CHECK(outcome.taken->is_answered());
}

TEST_CASE("chain: a client that left first is no sign of a dead daemon") {
    // As a cancelled dial does it, before its hello or behind it.
    const std::string flight = GENERATE(as<std::string>{}, "", "\x16hello");
    World world;
    world.play_daemon([](TcpStream edge) -> asio::awaitable<void> {
        co_await edge.write_all(proxy::chain_protocol::taken, safety);
        co_await read_to_end(edge);
    });
    world.play([](World& in) -> asio::awaitable<void> {
        co_await read_head(*in.client);
        in.client->shutdown_write();
    }(world));
    const auto& outcome = world.run(flight);
    CHECK_FALSE(outcome.client);
    CHECK_FALSE(outcome.taken);
    CHECK(world.io.run(world.health.is_healthy()));
}

TEST_CASE("chain: all over within the first moment, both ways") {
    World world;
    world.play_daemon([](TcpStream edge) -> asio::awaitable<void> {
        co_await edge.write_all(proxy::chain_protocol::taken, safety);
        co_await read_exactly(edge, 5);
        co_await edge.write_all("answer", safety);
    });
    world.limits.first_byte_check = safety;
    world.play([](World& in) -> asio::awaitable<void> {
        in.told = co_await read_head(*in.client);
        auto read = co_await read_to_end(*in.client);
        in.got = std::move(read.bytes);
        in.client->shutdown_write();
    }(world));
    const auto& outcome = world.run("hello");
    CHECK_FALSE(outcome.client);
    CHECK_FALSE(outcome.taken);
    CHECK(world.got == "answer");
}
