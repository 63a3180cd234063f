#include "net/turns.h"

#include <asio/post.hpp>

#include <string>
#include <vector>

#include "net/task_group.h"
#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;
using net::Turns;

namespace {

asio::awaitable<void> step(Turns& turns, std::string& log, char name) {
    co_await turns.wait();
    log += name;
}

}  // namespace

TEST_CASE("turns: alone it is no wait at all") {
    Io io;
    Turns turns(io.context);
    net::TaskGroup group(io.context.get_executor());
    std::string log;
    for (const char name : std::string("ab")) {
        // On the loop, where a task begins at once.
        asio::post(io.context, [&, name] {
            group.spawn("step", step(turns, log, name));
            CHECK(log.back() == name);
        });
        io.until([&] { return !log.empty() && log.back() == name && group.size() == 0; });
    }
}

TEST_CASE("turns: many come one by one, in order, and what is cheap comes in between") {
    Io io;
    Turns turns(io.context);
    net::TaskGroup group(io.context.get_executor());
    std::string log;
    for (const char name : std::string("abcdef")) group.spawn("step", step(turns, log, name));
    asio::post(io.context, [&log, &io] {
        log += '1';
        asio::post(io.context, [&log, &io] {
            log += '2';
            asio::post(io.context, [&log] { log += '3'; });
        });
    });
    io.until([&] { return group.size() == 0; });
    std::string steps;
    for (const char c : log)
        if (c >= 'a') steps += c;
    CHECK(steps == "abcdef");
    // A chain of three cheap steps waited for few of the six, not for all of them.
    CHECK(log.find('3') < log.find('e'));
    CHECK(log.find('1') < log.find('c'));
}

TEST_CASE("turns: who is cancelled takes nobody's turn") {
    Io io;
    Turns turns(io.context);
    net::TaskGroup first(io.context.get_executor());
    net::TaskGroup cancelled(io.context.get_executor());
    net::TaskGroup last(io.context.get_executor());
    std::string log;
    bool is_begun = false;
    asio::post(io.context, [&] {
        first.spawn("step", step(turns, log, 'a'));
        cancelled.spawn("step", step(turns, log, 'x'));
        last.spawn("step", step(turns, log, 'b'));
        cancelled.cancel_all();
        is_begun = true;
    });
    io.until([&] { return is_begun && cancelled.size() + last.size() == 0; });
    CHECK(log.find('a') == 0);
    CHECK(log.find('b') != std::string::npos);
    // Later ones still find their way.
    last.spawn("step", step(turns, log, 'c'));
    io.until([&] { return last.size() == 0; });
    CHECK(log.find('c') != std::string::npos);
}
