#include "net/blocking.h"

#include <atomic>
#include <future>
#include <thread>

#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;
using net::Blocking;

TEST_CASE("blocking: runs calls on a thread of its own, in order, results come back") {
    Io io;
    Blocking blocking(io.context);
    const auto here = std::this_thread::get_id();
    std::vector<Blocking::Pending<int>> waiting;
    std::vector<int> order;
    for (int i = 0; i < 20; ++i) {
        auto pending = blocking.start<int>([i, here, &order] {
            order.push_back(std::this_thread::get_id() == here ? -1 : i);
            return i * i;
        });
        REQUIRE(pending);
        waiting.push_back(std::move(*pending));
    }
    for (int i = 0; i < 20; ++i) {
        const auto result = io.run(waiting[static_cast<std::size_t>(i)].wait(safety));
        CHECK(result == i * i);
    }
    for (int i = 0; i < 20; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("blocking: a result that is there already is not waited for") {
    Io io;
    Blocking blocking(io.context);
    std::promise<void> ran;
    auto first = blocking.start<std::string>([] { return std::string("early"); });
    auto second = blocking.start<int>([&ran] {
        ran.set_value();
        return 0;
    });
    REQUIRE(first);
    REQUIRE(second);
    ran.get_future().wait();
    io.settle();
    CHECK(io.run(first->wait(Milliseconds(0))) == "early");
}

TEST_CASE("blocking: a slow call is left behind after the limit") {
    Io io;
    std::promise<void> may_end;
    const auto gate = may_end.get_future().share();
    Blocking blocking(io.context);
    auto slow = blocking.start<int>([gate] {
        gate.wait();
        return 1;
    });
    auto next = blocking.start<int>([] { return 2; });
    REQUIRE(slow);
    REQUIRE(next);
    CHECK_FALSE(io.run(slow->wait(Milliseconds(2))));
    may_end.set_value();
    CHECK(io.run(next->wait(safety)) == 2);
}

TEST_CASE("blocking: a full queue says so at once, and takes calls again later") {
    Io io;
    std::promise<void> may_end;
    const auto gate = may_end.get_future().share();
    std::promise<void> began;
    Blocking blocking(io.context);
    auto running = blocking.start<int>([gate, &began] {
        began.set_value();
        gate.wait();
        return 0;
    });
    REQUIRE(running);
    began.get_future().wait();  // off the queue
    std::optional<Blocking::Pending<int>> last;
    for (std::size_t i = 0; i < limits::blocking_queue_max; ++i) {
        auto queued = blocking.start<int>([] { return 1; });
        REQUIRE(queued);
        last = std::move(*queued);
    }
    const auto refused = blocking.start<int>([] { return 2; });
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::busy);
    may_end.set_value();
    CHECK(io.run(last->wait(safety)) == 1);
    CHECK(blocking.start<int>([] { return 3; }));
}

TEST_CASE("blocking: the end waits for the running call and drops the others") {
    Io io;
    std::promise<void> may_end;
    const auto gate = may_end.get_future().share();
    std::promise<void> began;
    std::atomic<bool> is_first_done = false;
    std::atomic<int> dropped_count = 0;
    std::thread opener;
    {
        Blocking blocking(io.context);
        CHECK(blocking.start<int>([gate, &began, &is_first_done] {
            began.set_value();
            gate.wait();
            is_first_done = true;
            return 0;
        }));
        began.get_future().wait();
        for (int i = 0; i < 5; ++i)
            CHECK(blocking.start<int>([&dropped_count] { return ++dropped_count; }));
        opener = std::thread([&may_end] {
            std::this_thread::sleep_for(Milliseconds(20));
            may_end.set_value();
        });
    }
    CHECK(is_first_done);
    CHECK(dropped_count == 0);
    opener.join();
    io.settle();  // the forgotten result finds its place or nobody
}

TEST_CASE("blocking: calls wait through a pause") {
    Io io;
    Blocking blocking(io.context);
    blocking.pause();
    auto pending = blocking.start<int>([] { return 5; });
    REQUIRE(pending);
    CHECK_FALSE(io.run(pending->wait(Milliseconds(2))));
    blocking.resume();
    CHECK(io.run(pending->wait(safety)) == 5);
}
