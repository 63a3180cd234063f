#include "net/every.h"

#include "net/task_group.h"
#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;

TEST_CASE("every: at once, again and again, and no more when it is cancelled") {
    Io io;
    net::TaskGroup tasks(io.context.get_executor());
    int count = 0;
    tasks.spawn("often", net::every(Milliseconds(1), [&count] { ++count; }));
    tasks.spawn("seldom", net::every(std::chrono::hours(1), [&count] { count += 1000; }));
    io.until([&] { return count >= 1003; });
    CHECK(count < 2000);
    tasks.cancel_all();
    CHECK(io.run(tasks.join(safety)));
    const int last = count;
    io.settle();
    CHECK(count == last);
}
