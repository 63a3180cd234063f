#include "proxy/health_cache.h"

#include <asio/experimental/as_tuple.hpp>

#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;
using proxy::HealthCache;

namespace {

// A probe whose answers come when the test says so.
struct World {
    World() { limits.health_ttl_healthy = limits.health_ttl_unhealthy = std::chrono::hours(1); }
    ~World() {
        tasks.cancel_all();
        io.run(tasks.join(safety));
    }

    asio::awaitable<bool> probe() {
        ++probe_count;
        if (!is_held) co_return answer;
        asio::steady_timer timer(io.context, std::chrono::hours(1));
        held = &timer;
        co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        held = nullptr;
        co_return answer;
    }
    void release(bool with) {
        io.until([&] { return held != nullptr; });
        answer = with;
        held->cancel();
        io.settle();
    }
    bool ask() { return io.run(cache.is_healthy()); }
    // Asks without waiting for the answer.
    void ask_later(std::vector<bool>& answers) {
        asio::co_spawn(
            io.context,
            [](HealthCache& of, std::vector<bool>& out) -> asio::awaitable<void> {
                const bool is_healthy = co_await of.is_healthy();
                out.push_back(is_healthy);
            }(cache, answers),
            [](std::exception_ptr) {});
        io.settle();
    }

    Io io;
    Limits limits = generous_limits();
    net::TaskGroup tasks{io.context.get_executor()};
    bool answer = true;
    bool is_held = false;
    asio::steady_timer* held = nullptr;
    int probe_count = 0;
    HealthCache cache{io.context, tasks, limits, [this] { return probe(); }};
};

}  // namespace

TEST_CASE("health cache: the probe's answer, for its time to live") {
    World world;
    world.answer = GENERATE(true, false);
    CHECK(world.ask() == world.answer);
    CHECK(world.ask() == world.answer);
    CHECK(world.probe_count == 1);
}

TEST_CASE("health cache: asks again when an answer is too old, each kind by its own age") {
    World world;
    world.answer = GENERATE(true, false);
    (world.answer ? world.limits.health_ttl_healthy : world.limits.health_ttl_unhealthy) =
        Milliseconds(1);
    world.ask();
    world.io.run(wait_for(world.io, Milliseconds(3)));
    world.answer = !world.answer;
    CHECK(world.ask() == world.answer);
    CHECK(world.probe_count == 2);
    world.io.run(wait_for(world.io, Milliseconds(3)));
    CHECK(world.ask() == world.answer);
    CHECK(world.probe_count == 2);
}

TEST_CASE("health cache: one probe for all who ask at once") {
    World world;
    world.is_held = true;
    std::vector<bool> answers;
    for (int i = 0; i < 50; ++i) world.ask_later(answers);
    CHECK(answers.empty());
    const bool is_healthy = GENERATE(true, false);
    world.release(is_healthy);
    CHECK(answers == std::vector<bool>(50, is_healthy));
    CHECK(world.probe_count == 1);
}

TEST_CASE("health cache: what turned out to be a lie is not believed again") {
    World world;
    CHECK(world.ask());
    world.cache.invalidate();
    CHECK_FALSE(world.ask());  // for the unhealthy answer's time
    CHECK(world.probe_count == 1);
}

TEST_CASE("health cache: a probe that began before the lie was found out does not count") {
    World world;
    world.limits.health_ttl_unhealthy = Milliseconds(1);
    world.is_held = true;
    std::vector<bool> answers;
    world.ask_later(answers);
    world.cache.invalidate();
    world.release(true);
    CHECK(answers == std::vector<bool>{false});
    // The next one counts again.
    world.is_held = false;
    world.answer = true;
    world.io.run(wait_for(world.io, Milliseconds(3)));
    CHECK(world.ask());
    CHECK(world.probe_count == 2);
}

TEST_CASE("health cache: a daemon that was down is not waited for") {
    World world;
    world.limits.health_ttl_unhealthy = Milliseconds(1);
    world.limits.probe = std::chrono::hours(1);  // waiting that long would be the failure
    world.answer = false;
    CHECK_FALSE(world.ask());
    world.io.run(wait_for(world.io, Milliseconds(3)));
    world.is_held = true;
    CHECK_FALSE(world.ask());
    CHECK_FALSE(world.ask());
    CHECK(world.probe_count == 2);  // the one that hangs, still shared
    world.release(true);
    CHECK(world.ask());  // it has answered by itself
    CHECK(world.probe_count == 2);
}

TEST_CASE("health cache: a healthy daemon that begins to hang counts as down after the limit") {
    World world;
    world.limits.health_ttl_healthy = Milliseconds(1);
    CHECK(world.ask());
    world.io.run(wait_for(world.io, Milliseconds(3)));
    world.limits.probe = Milliseconds(5);
    world.is_held = true;
    CHECK_FALSE(world.ask());
    world.release(true);
}
