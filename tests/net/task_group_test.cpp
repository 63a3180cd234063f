#include "net/task_group.h"

#include <new>
#include <vector>

#include <asio/experimental/as_tuple.hpp>
#include <asio/post.hpp>

#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;
using net::TaskGroup;

namespace {

// Waits for ever; notes how it ended, after a clean-up that itself has to wait.
asio::awaitable<void> sleeper(Io& io, int& ended_count) {
    asio::steady_timer timer(io.context, std::chrono::hours(1));
    const auto [error] =
        co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
    if (error != asio::error::operation_aborted) co_return;
    co_await wait_for(io, Milliseconds(1));
    ++ended_count;
}

asio::awaitable<void> thrower() {
    throw std::runtime_error("a bug");
    co_return;
}

}  // namespace

TEST_CASE("task group: tasks run, end, and are waited for") {
    Io io;
    TaskGroup tasks(io.context.get_executor());
    int ended_count = 0;
    for (int i = 0; i < 3; ++i)
        tasks.spawn("short", [](Io& on, int& count) -> asio::awaitable<void> {
            co_await wait_for(on, Milliseconds(1));
            ++count;
        }(io, ended_count));
    CHECK(tasks.size() == 3);
    CHECK(io.run(tasks.join(safety)));
    CHECK(ended_count == 3);
    CHECK(tasks.size() == 0);
    CHECK(io.run(tasks.join(Milliseconds(0))));  // nothing to wait for
}

TEST_CASE("task group: an exception ends its task only") {
    Io io;
    TaskGroup tasks(io.context.get_executor());
    int ended_count = 0;
    tasks.spawn("sleeper", sleeper(io, ended_count));
    tasks.spawn("bug", thrower());
    io.until([&] { return tasks.size() == 1; });
    CHECK(ended_count == 0);
    tasks.cancel_all();
    CHECK(io.run(tasks.join(safety)));
    CHECK(ended_count == 1);
}

TEST_CASE("task group: a cancellation reaches every task, and their clean-up may wait") {
    Io io;
    TaskGroup tasks(io.context.get_executor());
    int ended_count = 0;
    for (int i = 0; i < 20; ++i) tasks.spawn("sleeper", sleeper(io, ended_count));
    io.settle();
    tasks.cancel_all();
    CHECK(io.run(tasks.join(safety)));
    CHECK(ended_count == 20);
}

TEST_CASE("task group: a task that goes on can ask whether it was cancelled") {
    Io io;
    TaskGroup tasks(io.context.get_executor());
    std::vector<bool> answers;
    tasks.spawn("asker", [](Io& on, std::vector<bool>& told) -> asio::awaitable<void> {
        bool is_over = co_await net::is_cancelled();
        told.push_back(is_over);
        asio::steady_timer timer(on.context, std::chrono::hours(1));
        co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        is_over = co_await net::is_cancelled();
        told.push_back(is_over);
        co_await wait_for(on, Milliseconds(1));
        is_over = co_await net::is_cancelled();
        told.push_back(is_over);
    }(io, answers));
    io.settle();
    tasks.cancel_all();
    CHECK(io.run(tasks.join(safety)));
    CHECK(answers == std::vector{false, true, true});
}

TEST_CASE("task group: join gives up after its limit and can be asked again") {
    Io io;
    TaskGroup tasks(io.context.get_executor());
    int ended_count = 0;
    tasks.spawn("sleeper", sleeper(io, ended_count));
    CHECK_FALSE(io.run(tasks.join(Milliseconds(2))));
    CHECK(tasks.size() == 1);
    tasks.cancel_all();
    CHECK(io.run(tasks.join(safety)));
}

TEST_CASE("task group: a task may start others, also on its way out") {
    Io io;
    TaskGroup tasks(io.context.get_executor());
    int ended_count = 0;
    tasks.spawn("parent", [](Io& on, TaskGroup& group, int& count) -> asio::awaitable<void> {
        co_await sleeper(on, count);
        group.spawn("child", sleeper(on, count));
    }(io, tasks, ended_count));
    io.settle();
    tasks.cancel_all();
    io.until([&] { return ended_count == 1 && tasks.size() == 1; });
    CHECK_FALSE(io.run(tasks.join(Milliseconds(1))));
    tasks.cancel_all();
    CHECK(io.run(tasks.join(safety)));
    CHECK(ended_count == 2);
}

TEST_CASE("task group: a loop that runs out of memory goes on") {
    Io io;
    asio::io_context loop;
    int ran_count = 0;
    asio::post(loop, [&] {
        ++ran_count;
        throw std::bad_alloc();
    });
    asio::post(loop, [&] { ++ran_count; });
    net::run_loop(loop);
    CHECK(ran_count == 2);
}
