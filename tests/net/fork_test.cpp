#include "net/fork.h"

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "net/blocking.h"
#include "net/raw_duplex.h"
#include "net/shuttle.h"
#include "net/task_group.h"
#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;

namespace {

// The role of a process that is told to leave: made, run for a while, and continued in a child.
// Gives what the child wrote; the process that was started has ended with `*exit_code` before.
std::string run_and_leave(const std::function<void(int out)>& role, int* exit_code) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int started = ::fork();
    if (started == 0) {
        ::close(ends[0]);
        role(ends[1]);
        ::_exit(77);  // in the child: after its work
    }
    ::close(ends[1]);
    int status = 0;
    REQUIRE(::waitpid(started, &status, 0) == started);
    *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::string text;
    char buffer[256];
    for (ssize_t count = 0; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
    ::close(ends[0]);
    return text;
}

void write_to(int out, std::string_view text) {
    [[maybe_unused]] const auto written = ::write(out, text.data(), text.size());
}

}  // namespace

TEST_CASE("fork: the process ends, its timers, coroutines and workers go on in the child") {
    int exit_code = -1;
    const auto text = run_and_leave(
        [](int out) {
            Io io;
            net::TaskGroup group(io.context.get_executor());
            net::Blocking blocking(io.context);
            const int pid = ::getpid();
            auto pair = make_tcp_pair();
            auto stream = to_stream(io, std::move(pair.a));
            auto reader = [](TcpStream& from, int to) -> asio::awaitable<void> {
                write_to(to, "read:" + co_await read_exactly(from, 5) + " ");
            };
            group.spawn("reader", reader(stream, out));  // waits through the fork
            io.settle();
            blocking.pause();
            if (!net::continue_in_child(io.context)) ::_exit(1);
            blocking.resume();
            if (::getpid() == pid) ::_exit(2);
            [[maybe_unused]] const auto sent = pair.b.send("hello");
            io.until([&] { return group.size() == 0; });
            io.run(wait_for(io, Milliseconds(1)));
            auto pending = blocking.start<int>([] { return 7; });
            if (pending && io.run(pending->wait(safety)) == 7) write_to(out, "worker");
        },
        &exit_code);
    CHECK(exit_code == 0);
    CHECK(text == "read:hello worker");
}

TEST_CASE("fork: tunnels of a paused shuttle go on in the child, bytes in flight too") {
    int exit_code = -1;
    auto client = make_tcp_pair();
    auto upstream = make_tcp_pair();
    Peer tool(std::move(client.a));
    Peer server(std::move(upstream.b));
    tool.send("before ");
    const auto text = run_and_leave(
        [&](int out) {
            // What is only the test's must not stay open here.
            tool.close();
            server.close();
            Io io;
            auto shuttle = net::Shuttle::make(io.context, std::chrono::minutes(1));
            if (!shuttle) ::_exit(1);
            (*shuttle)->adopt(
                std::make_unique<net::RawDuplex>(std::move(client.b), std::move(upstream.a)));
            io.settle();
            (*shuttle)->pause();
            if (!net::continue_in_child(io.context)) ::_exit(1);
            if (!(*shuttle)->resume()) ::_exit(1);
            if ((*shuttle)->count() != 1) ::_exit(1);
            write_to(out, "child ");
            ::close(out);
            io.until([&] { return (*shuttle)->count() == 0; });
        },
        &exit_code);
    CHECK(exit_code == 0);
    CHECK(text == "child ");
    client.b.close();
    upstream.a.close();
    Io io;
    tool.send("after");
    tool.end();
    io.until([&] {
        server.receive();
        return server.is_over();
    });
    CHECK(server.received == "before after");
    CHECK_FALSE(server.is_reset);
    server.send("answer");
    server.end();
    io.until([&] {
        tool.receive();
        return tool.is_over();
    });
    CHECK(tool.received == "answer");
    CHECK_FALSE(tool.is_reset);
}
