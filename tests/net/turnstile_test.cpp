#include "net/turnstile.h"

#include <algorithm>
#include <vector>

#include "net/task_group.h"
#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;

namespace {

constexpr int reader = -1;

struct World {
    Io io;
    net::TaskGroup tasks{io.context.get_executor()};
    net::Turnstile turnstile{io.context.get_executor()};
    std::vector<int> order;

    void spawn_passer(int number) {
        tasks.spawn("passer", [](World& world, int n) -> asio::awaitable<void> {
            co_await world.turnstile.pass();
            world.order.push_back(n);
        }(*this, number));
    }
};

}  // namespace

TEST_CASE("turnstile: the first passes at once, the others in the order of asking") {
    World world;
    for (int i = 0; i < 6; ++i) world.spawn_passer(i);
    CHECK(world.io.run(world.tasks.join(safety)));
    CHECK(world.order == std::vector{0, 1, 2, 3, 4, 5});
    world.spawn_passer(6);  // nobody is before it any more
    CHECK(world.io.run(world.tasks.join(safety)));
    CHECK(world.order.back() == 6);
}

TEST_CASE("turnstile: a socket that became ready is served between two of them") {
    World world;
    auto pair = make_tcp_pair();
    auto near = to_stream(world.io, std::move(pair.a));
    auto far = to_stream(world.io, std::move(pair.b));
    world.tasks.spawn("reader", [](World& in, net::TcpStream& from) -> asio::awaitable<void> {
        std::string bytes;
        co_await from.read_more(bytes, 16, safety);
        in.order.push_back(reader);
    }(world, near));
    world.io.settle();
    REQUIRE(world.io.run(far.write_all("x", safety)));
    for (int i = 0; i < 50; ++i) world.spawn_passer(i);
    CHECK(world.io.run(world.tasks.join(safety)));
    const auto place = std::find(world.order.begin(), world.order.end(), reader);
    CHECK(place - world.order.begin() < 5);
    CHECK(world.order.size() == 51);
}

TEST_CASE("turnstile: who was cancelled in the queue keeps nobody waiting") {
    World world;
    net::TaskGroup leaving(world.io.context.get_executor());
    world.spawn_passer(0);
    int cancelled_count = 0;
    for (int i = 0; i < 3; ++i)
        leaving.spawn("leaving", [](World& in, int& count) -> asio::awaitable<void> {
            const auto passed = co_await in.turnstile.pass();
            if (!passed && passed.error().kind == ErrorKind::cancelled) ++count;
        }(world, cancelled_count));
    world.spawn_passer(1);
    // As soon as all have begun, long before the queue is through.
    world.tasks.spawn("canceller", [](net::TaskGroup& who) -> asio::awaitable<void> {
        who.cancel_all();
        co_return;
    }(leaving));
    CHECK(world.io.run(leaving.join(safety)));
    CHECK(world.io.run(world.tasks.join(safety)));
    CHECK(world.order == std::vector{0, 1});
    CHECK(cancelled_count > 0);
}
