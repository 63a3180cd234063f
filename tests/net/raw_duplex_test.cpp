#include "net/raw_duplex.h"

#include "support/catch.h"
#include "support/duplex.h"

using namespace halton;
using namespace halton::test;
using net::RawDuplex;
using End = net::Shuttle::End;
using namespace std::string_literals;

namespace {

constexpr int small = 8 * 1024;  // socket buffers that are always full

struct Tunnel {
    explicit Tunnel(int buffer_bytes = 0)
        : Tunnel(make_tcp_pair(buffer_bytes), make_tcp_pair(buffer_bytes)) {}
    Tunnel(TcpPair at_client, TcpPair at_upstream)
        : client(std::move(at_client.a)),
          upstream(std::move(at_upstream.a)),
          duplex(std::make_unique<RawDuplex>(std::move(at_client.b), std::move(at_upstream.b))) {}

    void start() { world.start(*duplex, end); }
    // Closes the tunnel's sockets, as the end of a connection's frame does.
    void finish() {
        world.io.until([&] { return end.has_value(); });
        duplex.reset();
    }
    // Until the client, or the upstream, has that many bytes or its end.
    void until_at(Peer& peer, std::size_t count) {
        world.io.until([&] {
            peer.receive();
            return peer.received.size() >= count || peer.is_over();
        });
    }
    void until_over(Peer& peer) {
        world.io.until([&] {
            peer.receive();
            return peer.is_over();
        });
    }

    std::optional<End> end;
    Peer client;
    Peer upstream;
    std::unique_ptr<RawDuplex> duplex;
    ShuttleWorld world;
};

// Sends all of it while the other side reads.
void pump(Tunnel& tunnel, Peer& from, Peer& to, std::string_view bytes) {
    const std::size_t wanted = to.received.size() + bytes.size();
    tunnel.world.io.until([&] {
        bytes.remove_prefix(from.send(bytes));
        to.receive();
        return to.received.size() >= wanted || to.is_over();
    });
}

}  // namespace

TEST_CASE("raw duplex: any bytes, in any pieces, both ways at once, are the same bytes") {
    for (unsigned seed = 1; seed <= 8; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        constexpr int buffers[] = {0, small, 2'000, 64 * 1024};
        Tunnel tunnel(buffers[seed % 4]);
        struct Side {
            Peer& peer;
            std::string bytes;
            std::size_t chunk_max;
            std::size_t read_max;
            std::size_t sent = 0;
            bool is_ended = false;
        };
        const auto draw = [&random](std::initializer_list<std::size_t> from) {
            return *(from.begin() + pick(random, 0, from.size() - 1));
        };
        // Through tiny buffers the kernel moves some hundred KB in seconds.
        const bool is_tiny = buffers[seed % 4] != 0 && buffers[seed % 4] < 64 * 1024;
        const std::size_t size_max = is_tiny ? 40'000 : 300'000;
        const auto make = [&](Peer& peer, unsigned salt) {
            const auto size = std::min(draw({1, 1'000, 65'536, 200'000, 300'000}), size_max);
            return Side{peer, random_bytes(size, seed + salt),
                        draw({100, 5'000, 65'536, 300'000}), draw({1'000, 20'000, 1'000'000})};
        };
        Side sides[2] = {make(tunnel.client, 1000), make(tunnel.upstream, 2000)};
        tunnel.start();
        tunnel.world.io.spin_until([&] {
            Side& side = sides[pick(random, 0, 1)];
            const auto rest = std::string_view(side.bytes).substr(side.sent);
            switch (pick(random, 0, 1)) {
                case 0:
                    side.sent += side.peer.send(rest.substr(0, pick(random, 1, side.chunk_max)));
                    break;
                case 1: side.peer.receive(pick(random, 1, side.read_max)); break;
            }
            // The end right behind the last byte.
            if (side.sent == side.bytes.size() && !side.is_ended) {
                side.is_ended = true;
                side.peer.end();
            }
            return sides[0].peer.is_over() && sides[1].peer.is_over();
        });
        CHECK((sides[0].peer.received == sides[1].bytes));
        CHECK((sides[1].peer.received == sides[0].bytes));
        CHECK_FALSE(sides[0].peer.is_reset);
        CHECK_FALSE(sides[1].peer.is_reset);
        tunnel.finish();
        CHECK(tunnel.end == End::done);
    }
}

TEST_CASE("raw duplex: small messages pass while the other way is full") {
    Tunnel tunnel(small);
    tunnel.start();
    const std::string bulk = random_bytes(3'000'000, 3);
    std::string_view rest = bulk;
    for (int i = 0; i < 50; ++i) {  // nobody reads it
        rest.remove_prefix(tunnel.upstream.send(rest));
        tunnel.world.io.settle();
    }
    for (int i = 0; i < 20; ++i) {
        tunnel.client.send("ping");
        const std::size_t count = tunnel.upstream.received.size() + 4;
        tunnel.until_at(tunnel.upstream, count);
        CHECK(tunnel.upstream.received.size() == count);
    }
    tunnel.world.io.until([&] {
        rest.remove_prefix(tunnel.upstream.send(rest));
        tunnel.client.receive(5'000);
        return tunnel.client.received.size() == bulk.size();
    });
    CHECK((tunnel.client.received == bulk));
}

TEST_CASE("raw duplex: a reader who takes nothing stops the sender, and loses nothing") {
    Tunnel tunnel(small);
    tunnel.start();
    const std::string bytes = random_bytes(12'000'000, 4);
    std::size_t sent = 0;
    int idle_rounds = 0;
    while (idle_rounds < 50) {
        const std::size_t now = tunnel.client.send(std::string_view(bytes).substr(sent));
        sent += now;
        idle_rounds = now == 0 ? idle_rounds + 1 : 0;
        tunnel.world.io.run(wait_for(tunnel.world.io, Milliseconds(1)));
    }
    // One pipe and a few socket buffers; not what a greedy sender would like.
    CHECK(sent < 4'000'000);
    CHECK(tunnel.upstream.received.empty());
    tunnel.world.io.until([&] {
        sent += tunnel.client.send(std::string_view(bytes).substr(sent));
        if (sent == bytes.size()) tunnel.client.end();
        tunnel.upstream.receive(100'000);
        return tunnel.upstream.is_over();
    });
    CHECK((tunnel.upstream.received == bytes));
}

TEST_CASE("raw duplex: a half-close goes through, the other way stays open") {
    const bool is_client_first = GENERATE(true, false);
    Tunnel tunnel;
    tunnel.start();
    Peer& first = is_client_first ? tunnel.client : tunnel.upstream;
    Peer& second = is_client_first ? tunnel.upstream : tunnel.client;
    first.send("last words");
    first.end();
    tunnel.until_over(second);
    CHECK(second.received == "last words");
    CHECK(second.is_ended);
    CHECK_FALSE(tunnel.end);

    const std::string answer = random_bytes(300'000, 5);
    pump(tunnel, second, first, answer);
    CHECK((first.received == answer));
    CHECK_FALSE(first.is_over());
    second.end();
    tunnel.until_over(first);
    CHECK(first.is_ended);
    tunnel.finish();
    CHECK(tunnel.end == End::done);
}

TEST_CASE("raw duplex: an end right behind the bytes is not missed, whatever their size") {
    const std::size_t count = GENERATE(as<std::size_t>{}, 0, 1, 4'000, 65'535, 65'536, 65'537,
                                       131'072, 200'000, 1'500'000);
    const bool is_early = GENERATE(true, false);  // all there before the tunnel begins
    const int buffer_bytes = GENERATE(0, small);
    INFO(count << " bytes, early " << is_early << ", buffers " << buffer_bytes);
    Tunnel tunnel(buffer_bytes);
    const std::string bytes = random_bytes(count, 6);
    if (!is_early) tunnel.start();
    std::size_t sent = tunnel.client.send(bytes);
    if (sent == count) tunnel.client.end();
    if (is_early) tunnel.start();
    tunnel.world.io.until([&] {
        if (sent < count) {
            sent += tunnel.client.send(std::string_view(bytes).substr(sent));
            if (sent == count) tunnel.client.end();
        }
        tunnel.upstream.receive();
        return tunnel.upstream.is_over();
    });
    CHECK((tunnel.upstream.received == bytes));
    CHECK(tunnel.upstream.is_ended);
}

TEST_CASE("raw duplex: both sides end at the same moment") {
    Tunnel tunnel;
    tunnel.start();
    tunnel.client.send("from client");
    tunnel.client.end();
    tunnel.upstream.send("from upstream");
    tunnel.upstream.end();
    tunnel.until_over(tunnel.client);
    tunnel.until_over(tunnel.upstream);
    CHECK(tunnel.client.received == "from upstream");
    CHECK(tunnel.upstream.received == "from client");
    tunnel.finish();
    CHECK(tunnel.end == End::done);
}

TEST_CASE("raw duplex: a reset on one side is a reset on the other") {
    const bool is_client = GENERATE(true, false);
    const bool is_stalled = GENERATE(true, false);  // with bytes on their way
    INFO("client " << is_client << ", stalled " << is_stalled);
    Tunnel tunnel(is_stalled ? small : 0);
    Peer& dying = is_client ? tunnel.client : tunnel.upstream;
    Peer& other = is_client ? tunnel.upstream : tunnel.client;
    tunnel.start();
    if (is_stalled) {
        const std::string bytes(100'000, 'x');
        for (int i = 0; i < 30; ++i) {
            other.send(bytes);
            tunnel.world.io.settle();
        }
    } else {
        dying.send("hello");
        tunnel.until_at(other, 5);
    }
    dying.reset();
    tunnel.finish();
    CHECK(tunnel.end == End::done);
    tunnel.until_over(other);
    CHECK(other.is_reset);
}

TEST_CASE("raw duplex: who ends it from here leaves the client a reset, unless there was an end") {
    const bool has_ended = GENERATE(true, false);
    INFO("ended: " << has_ended);
    Tunnel tunnel;
    tunnel.start();
    pump(tunnel, tunnel.upstream, tunnel.client, "half an answ");
    if (has_ended) {
        tunnel.upstream.end();
        tunnel.until_over(tunnel.client);
    }
    tunnel.world.shuttle->interrupt_all();
    tunnel.finish();
    tunnel.until_over(tunnel.client);
    CHECK(tunnel.client.received == "half an answ");
    CHECK(tunnel.client.is_reset == !has_ended);
}

TEST_CASE("raw duplex: a client that closes with an answer unread") {
    Tunnel tunnel;
    tunnel.start();
    tunnel.client.send("request");
    tunnel.until_at(tunnel.upstream, 7);
    tunnel.client.close();
    tunnel.until_over(tunnel.upstream);
    // What is sent now meets a closed socket: the upstream is told, sooner or later.
    const std::string bytes(50'000, 'x');
    tunnel.world.io.until([&] {
        tunnel.upstream.send(bytes);
        return tunnel.end.has_value();
    });
    tunnel.duplex.reset();
    tunnel.world.io.until([&] {
        tunnel.upstream.send(bytes);
        return tunnel.upstream.is_reset;
    });
    CHECK(tunnel.upstream.is_reset);
}

TEST_CASE("raw duplex: preloaded bytes go first, however many they are") {
    const std::size_t count = GENERATE(as<std::size_t>{}, 1, 70'000, 1'000'000);
    Tunnel tunnel(small);
    const std::string up = random_bytes(count, 7);
    tunnel.duplex->preload_to_upstream(up);
    tunnel.client.send("client's own");
    tunnel.client.end();
    tunnel.upstream.send("answer");
    tunnel.upstream.end();
    tunnel.start();
    tunnel.world.io.until([&] {
        tunnel.client.receive(10'000);
        tunnel.upstream.receive(3'000);
        return tunnel.client.is_over() && tunnel.upstream.is_over();
    });
    CHECK((tunnel.upstream.received == up + "client's own"));
    CHECK(tunnel.client.received == "answer");
}

// ---- the first flight ------------------------------------------------------------------------

TEST_CASE("raw duplex: the first flight is sent on, kept, and forgotten with the first answer") {
    Tunnel tunnel;
    tunnel.duplex->preload_to_upstream("preloaded ");
    tunnel.duplex->keep_first_flight(1'000);
    CHECK(tunnel.duplex->has_first_flight());
    tunnel.start();
    tunnel.client.send("and sent");
    tunnel.until_at(tunnel.upstream, 18);
    CHECK(tunnel.upstream.received == "preloaded and sent");
    CHECK_FALSE(tunnel.duplex->is_answered());

    tunnel.upstream.send("!");
    tunnel.until_at(tunnel.client, 1);
    CHECK(tunnel.client.received == "!");
    CHECK(tunnel.duplex->is_answered());
    CHECK_FALSE(tunnel.duplex->has_first_flight());
    CHECK(tunnel.duplex->take_first_flight().empty());

    const std::string bytes = random_bytes(400'000, 9);
    pump(tunnel, tunnel.client, tunnel.upstream, bytes);
    CHECK((tunnel.upstream.received == "preloaded and sent" + bytes));
    tunnel.upstream.end();
    tunnel.client.end();
    tunnel.finish();
    CHECK(tunnel.end == End::done);
}

TEST_CASE("raw duplex: a client that has said nothing has no first flight") {
    Tunnel tunnel;
    tunnel.duplex->keep_first_flight(1'000);
    tunnel.start();
    CHECK_FALSE(tunnel.duplex->has_first_flight());
    tunnel.upstream.send("220 servers may speak first\r\n");
    tunnel.until_at(tunnel.client, 29);
    CHECK(tunnel.duplex->is_answered());
}

TEST_CASE("raw duplex: what would not fit into a replay is not read before the answer") {
    const std::size_t preloaded = GENERATE(as<std::size_t>{}, 0, 300, 1'000, 1'500);
    const bool is_ended = GENERATE(true, false);
    INFO(preloaded << " preloaded, ended " << is_ended);
    constexpr std::size_t cap = 1'000;
    Tunnel tunnel;
    const std::string bytes = random_bytes(preloaded + 100'000, 10);
    tunnel.duplex->preload_to_upstream(bytes.substr(0, preloaded));
    tunnel.duplex->keep_first_flight(cap);
    REQUIRE(tunnel.client.send(std::string_view(bytes).substr(preloaded)) == 100'000);
    if (is_ended) tunnel.client.end();
    tunnel.start();
    const std::size_t let_through = std::max(preloaded, cap);
    tunnel.until_at(tunnel.upstream, let_through);
    for (int i = 0; i < 10; ++i) {
        tunnel.world.io.run(wait_for(tunnel.world.io, Milliseconds(1)));
        tunnel.upstream.receive();
    }
    CHECK(tunnel.upstream.received.size() == let_through);
    CHECK_FALSE(tunnel.upstream.is_over());

    tunnel.upstream.send("go on");
    tunnel.until_at(tunnel.upstream, bytes.size());
    CHECK((tunnel.upstream.received == bytes));
    tunnel.until_at(tunnel.client, 5);
    CHECK(tunnel.client.received == "go on");
    if (!is_ended) tunnel.client.end();
    tunnel.until_over(tunnel.upstream);
    CHECK(tunnel.upstream.is_ended);
}

TEST_CASE("raw duplex: a daemon that ends without a byte leaves everything for a replay") {
    const bool is_capped = GENERATE(true, false);
    Tunnel tunnel;
    tunnel.duplex->preload_to_upstream("hello ");
    tunnel.duplex->keep_first_flight(is_capped ? 8 : 1'000);
    tunnel.start();
    tunnel.client.send("world");
    tunnel.until_at(tunnel.upstream, is_capped ? 8 : 11);
    SECTION("orderly") { tunnel.upstream.end(); }
    SECTION("reset") { tunnel.upstream.reset(); }
    SECTION("closed with bytes unread") {
        tunnel.client.send("!");
        tunnel.world.io.settle();
        tunnel.upstream.close();
        if (is_capped) tunnel.world.io.until([&] { return tunnel.end.has_value(); });
    }
    tunnel.world.io.until([&] { return tunnel.end.has_value(); });
    CHECK(tunnel.end == End::done);
    CHECK_FALSE(tunnel.duplex->is_answered());
    CHECK_FALSE(tunnel.duplex->is_client_gone());

    // Elsewhere: what was kept and what the client's socket still holds is the whole.
    const std::string kept = tunnel.duplex->take_first_flight();
    Peer again(tunnel.duplex->take_client());
    tunnel.duplex.reset();
    tunnel.client.send(" more");
    tunnel.client.end();
    tunnel.until_over(again);
    const std::string whole = kept + again.received;
    CHECK((whole == "hello world more" || whole == "hello world! more"));
    again.send("answer");
    tunnel.until_at(tunnel.client, 6);
    CHECK(tunnel.client.received == "answer");
}

TEST_CASE("raw duplex: a client that ended its side is still there for a replay") {
    Tunnel tunnel;
    tunnel.duplex->keep_first_flight(1'000);
    tunnel.start();
    tunnel.client.send("all I have");
    tunnel.client.end();
    tunnel.until_over(tunnel.upstream);
    CHECK(tunnel.upstream.received == "all I have");
    CHECK_FALSE(tunnel.end);
    tunnel.upstream.end();
    tunnel.world.io.until([&] { return tunnel.end.has_value(); });
    CHECK_FALSE(tunnel.duplex->is_answered());
    CHECK_FALSE(tunnel.duplex->is_client_gone());
    CHECK(tunnel.duplex->take_first_flight() == "all I have");
    Peer again(tunnel.duplex->take_client());
    again.send("answer");
    tunnel.until_at(tunnel.client, 6);
    CHECK(tunnel.client.received == "answer");
}

TEST_CASE("raw duplex: without a client there is nobody to replay for") {
    Tunnel tunnel;
    tunnel.duplex->keep_first_flight(1'000);
    tunnel.start();
    tunnel.client.send("hello");
    tunnel.until_at(tunnel.upstream, 5);
    tunnel.client.reset();
    tunnel.world.io.until([&] { return tunnel.end.has_value(); });
    CHECK(tunnel.duplex->is_client_gone());
    tunnel.duplex.reset();
    tunnel.until_over(tunnel.upstream);
    CHECK(tunnel.upstream.is_reset);
}
