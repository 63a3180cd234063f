#include "net/handover.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "net/listener.h"
#include "net/task_group.h"
#include "platform/process.h"
#include "platform/unix_socket.h"
#include "support/catch.h"
#include "support/io.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::test;
using net::Handover;
using net::HandoverOffer;

namespace {

// An edge that runs: a listening port, and what its offer made of it.
struct Running {
    explicit Running(Io& io, std::uint32_t uid = platform::own_uid())
        : group(io.context.get_executor()) {
        auto made = net::Listener::bind(io.context.get_executor(), 0, 0);
        REQUIRE(made);
        listener.emplace(std::move(*made));
        auto offered = HandoverOffer::listen(io.context, home, uid);
        REQUIRE(offered);
        offer.emplace(std::move(*offered));
    }

    void serve(std::string why_not = {}) { group.spawn("offer", serve_into(std::move(why_not))); }
    asio::awaitable<void> serve_into(std::string why_not) {
        HandoverOffer::Port port;
        port.descriptor = listener->descriptor();
        port.why_not = std::move(why_not);
        port.stop_accepting = [this] { is_accepting = false; };
        port.accept_again = [this] { is_accepting = true; };
        is_over = co_await offer->serve(std::move(port));
    }

    test::TempDirectory directory;
    platform::Home home{directory.path()};
    std::optional<net::Listener> listener;
    std::optional<HandoverOffer> offer;
    bool is_accepting = true;
    bool is_over = false;
    net::TaskGroup group;
};

Result<Handover> ask(Io& io, const Running& running) {
    return io.run(
        Handover::ask(io.context, running.home, platform::own_uid(), running.listener->port()));
}

// A peer by hand.
struct ByHand {
    explicit ByHand(const platform::Home& home) {
        auto made = platform::connect_to(home.edge_socket());
        REQUIRE(made);
        socket = std::move(*made);
    }
    void say(std::string_view text) { CHECK(socket.send(text).bytes == text.size()); }
    // Until the line came or the other end closed.
    std::string hear(Io& io) {
        std::string text;
        io.until([&] {
            std::array<char, 64> buffer;
            auto received = platform::receive_descriptor(socket.descriptor(), buffer);
            if (received) text.append(buffer.data(), received->bytes);
            if (received && received->passed.is_open()) passed = std::move(received->passed);
            return text.ends_with('\n') || (!received && received.error().kind != ErrorKind::busy);
        });
        return text;
    }
    platform::Socket socket;
    platform::Socket passed;
};

}  // namespace

TEST_CASE("handover: the port goes over, and both accept in between") {
    Io io;
    Running running(io);
    running.serve();
    auto handover = ask(io, running);
    REQUIRE(handover);
    CHECK(running.is_accepting);
    auto adopted = net::Listener::adopt(io.context.get_executor(), handover->take_listener());
    REQUIRE(adopted);
    CHECK(adopted->port() == running.listener->port());
    REQUIRE(io.run(handover->confirm()));
    CHECK_FALSE(running.is_accepting);
    CHECK_FALSE(running.is_over);
    REQUIRE(io.run(handover->settle()));
    io.until([&] { return running.is_over; });
    running.listener->close();
    // Whoever connects reaches the new one, without a moment in which nobody listened.
    auto client = io.run(connect_to(io, adopted->port()));
    CHECK(client.remote_address().port() == adopted->port());
}

TEST_CASE("handover: an heir that dies at any point leaves the old edge accepting") {
    for (const std::string until : {"connected", "take", "accepting", "nonsense"}) {
        CAPTURE(until);
        Io io;
        Running running(io);
        running.serve();
        {
            ByHand heir(running.home);
            if (until == "nonsense") heir.say("GET / HTTP/1.1\r\n\r\n");
            if (until == "take" || until == "accepting") {
                heir.say("take 1\n");
                CHECK(heir.hear(io) == "socket\n");
                CHECK(heir.passed.is_open());
            }
            if (until == "accepting") {
                heir.say("accepting\n");
                CHECK(heir.hear(io) == "go\n");
                CHECK_FALSE(running.is_accepting);
            }
            if (until == "nonsense") CHECK(heir.hear(io).starts_with("no "));
        }
        io.until([&] { return running.is_accepting; });
        CHECK_FALSE(running.is_over);
        // And the next one is served.
        auto handover = ask(io, running);
        REQUIRE(handover);
        CHECK(io.run(handover->confirm()));
    }
}

TEST_CASE("handover: an endless line is no line") {
    Io io;
    Running running(io);
    running.serve();
    ByHand heir(running.home);
    heir.say(std::string(1000, 'x'));
    // Closed with bytes unread: perhaps the words do not arrive.
    const auto heard = heir.hear(io);
    CHECK((heard.empty() || heard.starts_with("no ")));
    CHECK(running.is_accepting);
    CHECK(ask(io, running));
}

TEST_CASE("handover: another user gets nothing and gives nothing") {
    Io io;
    Running running(io, platform::own_uid() + 1);
    running.serve();
    ByHand heir(running.home);
    [[maybe_unused]] const auto sent = heir.socket.send("take 1\n");
    CHECK(heir.hear(io).empty());
    CHECK_FALSE(heir.passed.is_open());
    const auto asked = io.run(
        Handover::ask(io.context, running.home, platform::own_uid() + 1, running.listener->port()));
    REQUIRE_FALSE(asked);
    CHECK(asked.error().kind == ErrorKind::permission);
}

TEST_CASE("handover: an edge that says no is left alone, and says why") {
    Io io;
    Running running(io);
    running.serve("its supervisor holds the port");
    const auto asked = ask(io, running);
    REQUIRE_FALSE(asked);
    CHECK(asked.error().kind == ErrorKind::unsupported);
    CHECK(asked.error().context.find("supervisor") != std::string::npos);
    CHECK(running.is_accepting);
}

TEST_CASE("handover: no edge, and a name that a killed one left") {
    Io io;
    const test::TempDirectory directory;
    const platform::Home home{directory.path()};
    const auto ask_here = [&] {
        return io.run(Handover::ask(io.context, home, platform::own_uid(), 8081));
    };
    CHECK(ask_here().error().kind == ErrorKind::not_found);
    { const auto gone = platform::listen_at(home.edge_socket()); }
    CHECK(ask_here().error().kind == ErrorKind::not_found);
}

TEST_CASE("handover: what is no listening socket of that port is not taken") {
    Io io;
    const UnusedPort unused;
    auto wrong = net::Listener::bind(io.context.get_executor(), 0, 0);
    REQUIRE(wrong);
    const platform::Socket no_stream(::socket(AF_INET, SOCK_DGRAM, 0));
    enum class Gift { nothing, other_kind, other_port };
    for (const auto gift : {Gift::nothing, Gift::other_kind, Gift::other_port}) {
        const test::TempDirectory directory;
        const platform::Home home{directory.path()};
        const auto listener = platform::listen_at(home.edge_socket());
        REQUIRE(listener);
        net::TaskGroup group(io.context.get_executor());
        std::optional<Result<Handover>> answer;
        group.spawn("ask",
                    [](Io& i, const platform::Home& h, std::uint16_t port,
                       std::optional<Result<Handover>>& a) -> asio::awaitable<void> {
                        a.emplace(co_await Handover::ask(i.context, h, platform::own_uid(), port));
                    }(io, home, unused.port(), answer));
        Result<platform::Socket> link = fail(ErrorKind::busy, "nobody yet");
        io.until([&] {
            link = platform::accept_from(listener->socket);
            return link.has_value();
        });
        if (gift == Gift::nothing) CHECK(link->send("socket\n").bytes == 7);
        if (gift == Gift::other_kind)
            CHECK(
                platform::send_descriptor(link->descriptor(), "socket\n", no_stream.descriptor()));
        if (gift == Gift::other_port)
            CHECK(platform::send_descriptor(link->descriptor(), "socket\n", wrong->descriptor()));
        io.until([&] { return answer.has_value(); });
        REQUIRE_FALSE(*answer);
        CHECK(answer->error().kind == ErrorKind::unsupported);
        io.until([&] { return group.size() == 0; });
    }
}

TEST_CASE("handover: an old edge that dies in the middle has handed over") {
    Io io;
    const test::TempDirectory directory;
    const platform::Home home{directory.path()};
    const auto name = platform::listen_at(home.edge_socket());
    REQUIRE(name);
    auto port = net::Listener::bind(io.context.get_executor(), 0, 0);
    REQUIRE(port);
    std::optional<Result<Handover>> answer;
    net::TaskGroup group(io.context.get_executor());
    group.spawn("ask",
                [](Io& i, const platform::Home& h, std::uint16_t number,
                   std::optional<Result<Handover>>& a) -> asio::awaitable<void> {
                    a.emplace(co_await Handover::ask(i.context, h, platform::own_uid(), number));
                }(io, home, port->port(), answer));
    {
        Result<platform::Socket> link = fail(ErrorKind::busy, "nobody yet");
        io.until([&] {
            link = platform::accept_from(name->socket);
            return link.has_value();
        });
        REQUIRE(platform::send_descriptor(link->descriptor(), "socket\n", port->descriptor()));
        io.until([&] { return answer.has_value(); });
    }
    REQUIRE(*answer);
    CHECK(io.run((*answer)->confirm()));
    CHECK(io.run((*answer)->settle()));
}

TEST_CASE("handover: the third edge waits for its turn") {
    Io io;
    Running running(io);
    running.serve();
    auto second = ask(io, running);
    REQUIRE(second);
    net::TaskGroup group(io.context.get_executor());
    std::optional<Result<Handover>> third;
    group.spawn(
        "ask",
        [](Io& i, const Running& r, std::optional<Result<Handover>>& a) -> asio::awaitable<void> {
            a.emplace(
                co_await Handover::ask(i.context, r.home, platform::own_uid(), r.listener->port()));
        }(io, running, third));
    REQUIRE(io.run(second->confirm()));
    CHECK_FALSE(third);
    // The second takes the name before the first leaves: the third finds it there.
    auto offered = HandoverOffer::listen(io.context, running.home, platform::own_uid());
    REQUIRE(offered);
    REQUIRE(io.run(second->settle()));
    io.until([&] { return running.is_over; });
    running.offer->close();  // also the connection that waits there
    running.offer.emplace(std::move(*offered));
    running.serve();
    io.until([&] { return third.has_value(); });
    CHECK(*third);
}

TEST_CASE("handover: a closed offer ends, whatever it was doing") {
    Io io;
    Running running(io);
    running.serve();
    const bool is_attending = GENERATE(true, false);
    auto heir = is_attending ? std::make_optional<ByHand>(running.home) : std::nullopt;
    io.settle();
    running.offer->close();
    running.offer->close();
    CHECK_FALSE(std::filesystem::exists(running.home.edge_socket()));
    heir.reset();
    io.until([&] { return running.group.size() == 0; });
    CHECK_FALSE(running.is_over);
}
