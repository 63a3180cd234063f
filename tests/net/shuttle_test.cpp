#include "net/shuttle.h"

#include <functional>
#include <list>

#include "base/limits.h"
#include "net/raw_duplex.h"
#include "support/catch.h"
#include "support/duplex.h"

using namespace halton;
using namespace halton::test;
using net::Duplex;
using net::RawDuplex;
using End = net::Shuttle::End;

namespace {

// Says `again` that many times, then does nothing until its client ends.
class Busy final : public Duplex {
public:
    Busy(TcpPair pair, int again_count) : sockets_(std::move(pair)), again_left(again_count) {}

    Step step() override {
        ++step_count;
        if (is_out_of_memory) throw std::bad_alloc();
        if (again_left-- > 0) return Step::again;
        char byte[1];
        const auto got = sockets_.a.receive(byte);
        return got.status == platform::IoResult::Status::end ? Step::done : Step::wait;
    }
    std::array<int, 2> sockets() const override {
        return {sockets_.a.descriptor(), sockets_.b.descriptor()};
    }
    bool is_between_calls() const override { return is_between; }

private:
    TcpPair sockets_;

public:
    int again_left;
    int step_count = 0;
    bool is_between = true;
    bool is_out_of_memory = false;
};

struct Line {
    Line(TcpPair at_client, TcpPair at_upstream)
        : client(std::move(at_client.a)),
          upstream(std::move(at_upstream.a)),
          duplex(std::make_unique<RawDuplex>(std::move(at_client.b), std::move(at_upstream.b))) {}
    Line() : Line(make_tcp_pair(), make_tcp_pair()) {}

    Peer client;
    Peer upstream;
    std::unique_ptr<RawDuplex> duplex;
    std::optional<End> end;
};

}  // namespace

TEST_CASE("shuttle: a duplex that is done at once never sleeps") {
    Line line;
    ShuttleWorld world;
    line.client.reset();
    world.start(*line.duplex, line.end);
    world.io.until([&] { return line.end.has_value(); });
    CHECK(line.end == End::done);
    CHECK(world.shuttle->count() == 0);
}

TEST_CASE("shuttle: interrupted again and again, a duplex loses nothing") {
    Line line;
    ShuttleWorld world;
    const std::string up = random_bytes(2'000'000, 1);
    const std::string down = random_bytes(1'500'000, 2);
    int interrupted_count = 0;
    bool is_done = false;
    asio::co_spawn(
        world.io.context,
        [](net::Shuttle& shuttle, Duplex& duplex, int& count, bool& done) -> asio::awaitable<void> {
            while (co_await shuttle.run(duplex, Milliseconds(1)) == End::interrupted) ++count;
            done = true;
        }(*world.shuttle, *line.duplex, interrupted_count, is_done),
        [](std::exception_ptr) {});
    std::mt19937 random(3);
    std::size_t up_sent = 0;
    std::size_t down_sent = 0;
    world.io.until([&] {
        // A little at a time until there were interruptions, then the rest.
        const std::size_t piece = interrupted_count < 4 ? pick(random, 0, 900) : up.size();
        up_sent += line.client.send(std::string_view(up).substr(up_sent, piece));
        down_sent += line.upstream.send(std::string_view(down).substr(down_sent, piece));
        line.client.receive();
        line.upstream.receive();
        if (interrupted_count >= 4 && up_sent == up.size() && down_sent == down.size()) {
            line.client.end();
            line.upstream.end();
        }
        return is_done;
    });
    line.client.receive();
    line.upstream.receive();
    CHECK((line.upstream.received == up));
    CHECK((line.client.received == down));
    CHECK(interrupted_count >= 4);
    CHECK(world.shuttle->count() == 0);
}

TEST_CASE("shuttle: bytes that came while nobody ran are found by the next run") {
    Line line;
    ShuttleWorld world;
    world.start(*line.duplex, line.end, Milliseconds(1));
    world.io.until([&] { return line.end.has_value(); });
    REQUIRE(line.end == End::interrupted);
    line.client.send("in between");
    line.client.end();
    world.start(*line.duplex, line.end);
    world.io.until([&] {
        line.upstream.receive();
        return line.upstream.is_over();
    });
    CHECK(line.upstream.received == "in between");
}

TEST_CASE("shuttle: a limit is no end for those that finish before") {
    Line line;
    ShuttleWorld world;
    world.start(*line.duplex, line.end, safety);
    CHECK(world.shuttle->count() == 1);
    line.client.end();
    line.upstream.end();
    world.io.until([&] { return line.end.has_value(); });
    CHECK(line.end == End::done);
}

TEST_CASE("shuttle: interrupt_all ends every run") {
    std::list<Line> lines(20);
    ShuttleWorld world;
    for (Line& line : lines) world.start(*line.duplex, line.end);
    CHECK(world.shuttle->count() == 20);
    world.shuttle->interrupt_all();
    world.io.settle();
    CHECK(world.shuttle->count() == 0);
    for (Line& line : lines) CHECK(line.end == End::interrupted);
    world.shuttle->interrupt_all();  // nobody left
}

TEST_CASE("shuttle: on shutdown only duplexes between two calls are let go") {
    Busy in_call(make_tcp_pair(), 0);
    Busy between(make_tcp_pair(), 0);
    std::optional<End> in_call_end;
    std::optional<End> between_end;
    ShuttleWorld world;
    in_call.is_between = false;
    world.start(in_call, in_call_end);
    world.start(between, between_end);
    world.shuttle->interrupt_between_calls();
    world.io.settle();
    CHECK(between_end == End::interrupted);
    CHECK_FALSE(in_call_end);
    in_call.is_between = true;
    world.shuttle->interrupt_between_calls();
    world.io.settle();
    CHECK(in_call_end == End::interrupted);
}

TEST_CASE("shuttle: one that is always busy does not keep the others from their turns") {
    Busy busy(make_tcp_pair(), 1'000'000);
    std::optional<End> busy_end;
    Line line;
    ShuttleWorld world;
    world.start(*line.duplex, line.end);
    asio::co_spawn(
        world.io.context,
        [](net::Shuttle& shuttle, Duplex& duplex, std::optional<End>& end) -> asio::awaitable<void> {
            end = co_await shuttle.run(duplex);
        }(*world.shuttle, busy, busy_end),
        [](std::exception_ptr) {});
    line.client.send("my turn");
    world.io.until([&] {
        line.upstream.receive();
        return line.upstream.received.size() == 7;
    });
    CHECK(busy.again_left > 0);
    CHECK(busy.step_count > 0);
    world.shuttle->interrupt_all();
    world.io.settle();
    CHECK(busy_end == End::interrupted);
}

TEST_CASE("shuttle: however many are busy, the others on the thread have their turn in between") {
    // Each step takes a whole turn's time.
    class Slow final : public Duplex {
    public:
        Slow(TcpPair pair, int& steps) : sockets_(std::move(pair)), steps_(steps) {}
        Step step() override {
            ++steps_;
            const auto until = std::chrono::steady_clock::now() + limits::relay_turn;
            while (std::chrono::steady_clock::now() < until) {
            }
            return Step::again;
        }
        std::array<int, 2> sockets() const override {
            return {sockets_.a.descriptor(), sockets_.b.descriptor()};
        }

    private:
        TcpPair sockets_;
        int& steps_;
    };
    constexpr int busy_count = 30;
    int steps = 0;
    ShuttleWorld world;
    for (int i = 0; i < busy_count; ++i)
        world.shuttle->adopt(std::make_unique<Slow>(make_tcp_pair(), steps));
    steps = 0;
    int other_turns = 0;
    std::function<void()> other = [&] {
        if (++other_turns < 20) asio::post(world.io.context, other);
    };
    other();
    world.io.until([&] { return other_turns == 20; });
    // Two ways lead into a turn; without its limit each would take 30 steps.
    CHECK(steps <= 3 * 20);
    world.io.until([&] { return steps > 3 * busy_count; });
    world.shuttle->interrupt_all();
}

TEST_CASE("shuttle: an adopted duplex runs, and is gone when it is done") {
    Line line;
    ShuttleWorld world;
    const int descriptor = line.duplex->sockets()[0];
    line.client.send("early ");
    world.shuttle->adopt(std::move(line.duplex));
    CHECK(world.shuttle->count() == 1);
    line.client.send("late");
    world.io.until([&] {
        line.upstream.receive();
        return line.upstream.received == "early late";
    });
    SECTION("done") {
        line.client.end();
        line.upstream.end();
    }
    SECTION("torn") { line.upstream.reset(); }
    SECTION("interrupted") { world.shuttle->interrupt_all(); }
    world.io.until([&] {
        line.client.receive();
        return line.client.is_over();
    });
    world.io.until([&] { return world.shuttle->count() == 0; });
    CHECK(::fcntl(descriptor, F_GETFD) < 0);
}

TEST_CASE("shuttle: an adopted duplex that is done at once, and one that is let go") {
    Line over;
    Line idle;
    ShuttleWorld world(Milliseconds(1));
    over.client.reset();
    world.shuttle->adopt(std::move(over.duplex));
    CHECK(world.shuttle->count() == 0);
    world.shuttle->adopt(std::move(idle.duplex));
    world.io.until([&] {
        idle.client.receive();
        return idle.client.is_over();
    });
    CHECK(world.shuttle->count() == 0);
}

TEST_CASE("shuttle: many that move and end in the same moment, each gone with its frame") {
    ShuttleWorld world;
    constexpr int count = 150;  // more sockets than one look at the readiness set takes
    struct Ends {
        Peer client;
        Peer upstream;
    };
    std::vector<Ends> ends;
    int done_count = 0;
    for (int i = 0; i < count; ++i) {
        auto at_client = make_tcp_pair();
        auto at_upstream = make_tcp_pair();
        ends.push_back({Peer(std::move(at_client.a)), Peer(std::move(at_upstream.a))});
        asio::co_spawn(
            world.io.context,
            [](net::Shuttle& shuttle, platform::Socket client, platform::Socket upstream,
               int& done) -> asio::awaitable<void> {
                RawDuplex duplex(std::move(client), std::move(upstream));
                if (co_await shuttle.run(duplex) == End::done) ++done;
            }(*world.shuttle, std::move(at_client.b), std::move(at_upstream.b), done_count),
            [](std::exception_ptr) {});
    }
    world.io.settle();
    CHECK(world.shuttle->count() == count);
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const std::string text = std::to_string(i);
        ends[i].client.send("up " + text);
        ends[i].upstream.send("down " + text);
        ends[i].client.end();
        if (i % 3 != 0) ends[i].upstream.end();
        else ends[i].upstream.reset();
    }
    world.io.until([&] { return done_count == count; });
    CHECK(world.shuttle->count() == 0);
    for (std::size_t i = 0; i < ends.size(); ++i) {
        if (i % 3 == 0) continue;
        const std::string text = std::to_string(i);
        ends[i].client.receive();
        ends[i].upstream.receive();
        CHECK(ends[i].client.received == "down " + text);
        CHECK(ends[i].upstream.received == "up " + text);
    }
}

TEST_CASE("shuttle: frees one duplex while another of its batch waits for its turn") {
    ShuttleWorld world;
    // Each one's end takes the next one's peer with it.
    std::list<Line> lines(30);
    int done_count = 0;
    for (auto line = lines.begin(); line != lines.end(); ++line) {
        const auto next = std::next(line);
        Peer* victim = next == lines.end() ? nullptr : &next->client;
        asio::co_spawn(
            world.io.context,
            [](net::Shuttle& shuttle, std::unique_ptr<RawDuplex> duplex, Peer* then_reset,
               int& done) -> asio::awaitable<void> {
                const auto end = co_await shuttle.run(*duplex);
                if (then_reset) then_reset->reset();
                duplex.reset();
                if (end == End::done) ++done;
            }(*world.shuttle, std::move(line->duplex), victim, done_count),
            [](std::exception_ptr) {});
    }
    world.io.settle();
    lines.front().client.reset();
    world.io.until([&] { return done_count == 30; });
    CHECK(world.shuttle->count() == 0);
}

TEST_CASE("shuttle: the idle end, for the idle only") {
    Line idle;
    Line active;
    ShuttleWorld world(Milliseconds(1));  // rounded up to a second
    world.start(*idle.duplex, idle.end);
    world.start(*active.duplex, active.end, safety);
    world.io.until([&] {
        active.client.send("x");
        active.upstream.receive();
        return idle.end.has_value();
    });
    CHECK(idle.end == End::idle);
    CHECK_FALSE(active.end);
    CHECK(world.shuttle->count() == 1);
}

TEST_CASE("shuttle: a pause loses no byte and no event") {
    Line line;
    ShuttleWorld world;
    world.start(*line.duplex, line.end);
    world.io.settle();
    world.shuttle->pause();
    line.client.send("in the pause");
    world.io.settle();
    line.upstream.receive();
    CHECK(line.upstream.received.empty());
    REQUIRE(world.shuttle->resume());
    world.io.until([&] {
        line.upstream.receive();
        return line.upstream.received == "in the pause";
    });
    line.client.end();
    line.upstream.end();
    world.io.until([&] { return line.end.has_value(); });
    CHECK(line.end == End::done);
    CHECK(world.shuttle->count() == 0);
}

TEST_CASE("shuttle: a duplex without memory ends, the others go on") {
    ShuttleWorld world;
    auto pair = make_tcp_pair();
    const platform::Socket other(::dup(pair.a.descriptor()));
    auto poor = std::make_unique<Busy>(std::move(pair), 0);
    Busy& duplex = *poor;
    world.shuttle->adopt(std::move(poor));
    Line line;
    world.start(*line.duplex, line.end);
    world.io.settle();
    REQUIRE(world.shuttle->count() == 2);
    duplex.is_out_of_memory = true;
    ::shutdown(other.descriptor(), SHUT_RDWR);
    line.client.send("still here");
    world.io.until([&] {
        line.upstream.receive();
        return world.shuttle->count() == 1 && line.upstream.received == "still here";
    });
    line.client.end();
    line.upstream.end();
    world.io.until([&] { return line.end.has_value(); });
}
