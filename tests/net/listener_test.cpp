#include "net/listener.h"

#include "net/task_group.h"
#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;
using net::Listener;

namespace {

// A listener that runs, and what it accepted.
struct Served {
    Served(Io& io, bool has_room_at_first) : has_room(has_room_at_first), tasks(io.context.get_executor()) {
        auto made = Listener::bind(io.context.get_executor(), 0, 0);
        REQUIRE(made);
        listener.emplace(std::move(*made));
        tasks.spawn("listener", listener->serve([this] { return has_room; },
                                                [this](asio::ip::tcp::socket socket) {
                                                    accepted.push_back(std::move(socket));
                                                }));
    }

    bool has_room;
    net::TaskGroup tasks;
    std::optional<Listener> listener;
    std::vector<asio::ip::tcp::socket> accepted;
};

}  // namespace

TEST_CASE("listener: binds loopback only, on any port when asked for 0") {
    Io io;
    auto listener = Listener::bind(io.context.get_executor(), 0, 0);
    REQUIRE(listener);
    CHECK(listener->port() != 0);
    auto client = io.run(connect_to(io, listener->port()));
    CHECK(client.remote_address().address().is_loopback());
}

TEST_CASE("listener: a taken port is an error that names it, or the next one is taken") {
    Io io;
    const auto first = Listener::bind(io.context.get_executor(), 0, 0);
    REQUIRE(first);
    const auto second = Listener::bind(io.context.get_executor(), first->port(), 0);
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == ErrorKind::busy);
    CHECK(second.error().context.find(std::to_string(first->port())) != std::string::npos);

    const auto third =
        Listener::bind(io.context.get_executor(), first->port(), limits::port_fallback_count);
    if (third) {
        CHECK(third->port() > first->port());
        CHECK(third->port() <= first->port() + limits::port_fallback_count);
    } else {
        CHECK(third.error().kind == ErrorKind::busy);  // the last ports of all
    }
}

TEST_CASE("listener: hands over every connection until it is closed") {
    Io io;
    Served served(io, true);
    std::vector<TcpStream> clients;
    for (int i = 0; i < 5; ++i)
        clients.push_back(io.run(connect_to(io, served.listener->port())));
    io.until([&] { return served.accepted.size() == 5; });
    CHECK(served.tasks.size() == 1);
    served.listener->close();
    CHECK(io.run(served.tasks.join(safety)));
    CHECK(served.accepted.size() == 5);
}

TEST_CASE("listener: without room it pauses, and refuses nobody") {
    Io io;
    Served served(io, false);
    auto client = io.run(connect_to(io, served.listener->port()));
    io.run(wait_for(io, Milliseconds(5)));
    CHECK(served.accepted.empty());
    served.has_room = true;
    io.until([&] { return served.accepted.size() == 1; });
    served.has_room = false;
    served.listener->close();  // ends a pause as well as an accept
    CHECK(io.run(served.tasks.join(safety)));
}

TEST_CASE("listener: a cancelled task ends, pausing or accepting") {
    Io io;
    Served served(io, GENERATE(true, false));
    io.settle();
    served.tasks.cancel_all();
    CHECK(io.run(served.tasks.join(safety)));
}

TEST_CASE("listener: a paused one accepts nobody and refuses nobody, its sharer accepts") {
    Io io;
    Served served(io, true);
    Served sharer(io, true);
    auto shared = Listener::adopt(io.context.get_executor(),
                                  platform::Socket(::dup(served.listener->descriptor())));
    REQUIRE(shared);
    io.settle();
    served.listener->pause();
    auto first = io.run(connect_to(io, served.listener->port()));
    io.run(wait_for(io, Milliseconds(5)));
    CHECK(served.accepted.empty());
    sharer.tasks.spawn("sharer", shared->serve([] { return true; },
                                               [&](asio::ip::tcp::socket socket) {
                                                   sharer.accepted.push_back(std::move(socket));
                                               }));
    io.until([&] { return sharer.accepted.size() == 1; });
    shared->close();
    served.listener->resume();
    auto second = io.run(connect_to(io, served.listener->port()));
    io.until([&] { return served.accepted.size() == 1; });
    CHECK(sharer.accepted.size() == 1);
    served.listener->pause();
    served.tasks.cancel_all();  // ends a paused one too
    CHECK(io.run(served.tasks.join(safety)));
}

TEST_CASE("listener: a pause that is over before it was noticed costs nothing") {
    Io io;
    Served served(io, true);
    io.settle();
    // A successor that takes the port and dies in the same moment.
    served.listener->pause();
    served.listener->resume();
    io.settle();
    auto client = io.run(connect_to(io, served.listener->port()));
    io.until([&] { return served.accepted.size() == 1; });
    CHECK(served.tasks.size() == 1);
    served.listener->close();
    CHECK(io.run(served.tasks.join(safety)));
}

TEST_CASE("listener: what is no listening socket is not adopted") {
    Io io;
    auto pair = make_tcp_pair();
    const auto adopted = Listener::adopt(io.context.get_executor(), std::move(pair.a));
    REQUIRE_FALSE(adopted);
    CHECK(adopted.error().kind == ErrorKind::unsupported);
    CHECK_FALSE(Listener::adopt(io.context.get_executor(), platform::Socket()));
}

TEST_CASE("listener: out of memory costs that connection, not the port") {
    Io io;
    auto listener = Listener::bind(io.context.get_executor(), 0, 0);
    REQUIRE(listener);
    net::TaskGroup tasks(io.context.get_executor());
    int asked_count = 0;
    tasks.spawn("listener", listener->serve([] { return true; },
                                            [&](asio::ip::tcp::socket) {
                                                if (++asked_count == 1) throw std::bad_alloc();
                                            }));
    auto first = io.run(connect_to(io, listener->port()));
    auto second = io.run(connect_to(io, listener->port()));
    io.until([&] { return asked_count == 2; });
    CHECK(tasks.size() == 1);
    listener->close();
    CHECK(io.run(tasks.join(safety)));
}
