#include "platform/byte_pipe.h"

#include <algorithm>

#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using platform::BytePipe;
using platform::MoveResult;
using test::make_tcp_pair;
using test::Peer;
using namespace std::string_literals;

namespace {

const test::Io quiet;

MoveResult fill_soon(BytePipe& pipe, int socket, std::size_t bytes_max = limits::pipe_bytes) {
    const auto end = std::chrono::steady_clock::now() + test::safety;
    for (;;) {
        const auto moved = pipe.fill(socket, bytes_max);
        if (moved.bytes >= 0 || moved.error != EAGAIN) return moved;
        if (std::chrono::steady_clock::now() > end) return moved;
    }
}

}  // namespace

TEST_CASE("byte pipe: moves bytes from socket to socket, in order and whole") {
    if (!BytePipe::is_supported()) return;
    auto from = make_tcp_pair();
    auto to = make_tcp_pair(8 * 1024);  // fills up again and again
    Peer sender(std::move(from.a));
    Peer reader(std::move(to.b));
    const std::string bytes = test::random_bytes(3'000'000, 1);
    std::size_t sent_bytes = 0;
    bool is_ended = false;
    bool was_full = false;
    BytePipe pipe;
    const auto end = std::chrono::steady_clock::now() + test::safety;
    while (!(is_ended && pipe.held_bytes() == 0) && std::chrono::steady_clock::now() < end) {
        sent_bytes += sender.send(std::string_view(bytes).substr(sent_bytes));
        if (sent_bytes == bytes.size()) sender.end();
        const std::size_t before = pipe.held_bytes();
        const auto filled = pipe.fill(from.b.descriptor(), 100'000);
        if (filled.bytes == 0) is_ended = true;
        if (filled.bytes < 0) CHECK(filled.error == EAGAIN);
        if (filled.bytes > 0)
            CHECK(pipe.held_bytes() == before + static_cast<std::size_t>(filled.bytes));
        if (pipe.held_bytes() > 0) {
            const auto drained = pipe.drain(to.a.descriptor());
            if (drained.bytes < 0) CHECK(drained.error == EAGAIN);
            was_full |= drained.bytes < 0;
        }
        if (was_full) reader.receive(20'000);
    }
    const auto is_all_there = [&] { return reader.received.size() >= bytes.size(); };
    while (!is_all_there() && std::chrono::steady_clock::now() < end) reader.receive();
    CHECK(was_full);
    CHECK(is_ended);
    CHECK((reader.received == bytes));
}

TEST_CASE("byte pipe: nothing there, an end, and a reset are told apart") {
    if (!BytePipe::is_supported()) return;
    auto pair = make_tcp_pair();
    BytePipe pipe;
    const auto nothing = pipe.fill(pair.b.descriptor(), 1000);
    CHECK(nothing.bytes == -1);
    CHECK(nothing.error == EAGAIN);
    SECTION("end") {
        pair.a.send("last");
        pair.a.shutdown_write();
        CHECK(fill_soon(pipe, pair.b.descriptor()).bytes == 4);
        CHECK(fill_soon(pipe, pair.b.descriptor()).bytes == 0);
        CHECK(pipe.held_bytes() == 4);
    }
    SECTION("reset") {
        pair.a.reset_on_close();
        pair.a.close();
        const auto reset = fill_soon(pipe, pair.b.descriptor());
        CHECK(reset.bytes == -1);
        CHECK(reset.error == ECONNRESET);
    }
    SECTION("a reader that is gone") {
        auto to = make_tcp_pair();
        pair.a.send("x");
        REQUIRE(fill_soon(pipe, pair.b.descriptor()).bytes == 1);
        to.b.reset_on_close();
        to.b.close();
        char buffer[1];
        while (to.a.receive(buffer).status == platform::IoResult::Status::would_block) {
        }
        const auto drained = pipe.drain(to.a.descriptor());
        CHECK(drained.bytes == -1);
        CHECK(drained.error == EPIPE);
        CHECK(pipe.held_bytes() == 1);
    }
}

TEST_CASE("byte pipe: bytes of a torn tunnel never reach another") {
    if (!BytePipe::is_supported()) return;
    auto pair = make_tcp_pair();
    auto to = make_tcp_pair();
    for (int round = 0; round < 3; ++round) {
        {
            BytePipe torn;
            pair.a.send("secret");
            REQUIRE(fill_soon(torn, pair.b.descriptor()).bytes == 6);
            torn.give_back();  // refuses: bytes are held
            CHECK(torn.held_bytes() == 6);
        }
        BytePipe next;
        pair.a.send("mine");
        REQUIRE(fill_soon(next, pair.b.descriptor()).bytes == 4);
        CHECK(next.drain(to.a.descriptor()).bytes == 4);
        next.give_back();
        next.give_back();  // twice is once
    }
    Peer reader(std::move(to.b));
    while (reader.received.size() < 12) reader.receive();
    CHECK(reader.received == "minemineminemine"s.substr(0, 12));
}

TEST_CASE("byte pipe: more pipes than the pool keeps") {
    if (!BytePipe::is_supported()) return;
    auto pair = make_tcp_pair();
    std::vector<std::unique_ptr<BytePipe>> pipes;
    for (std::size_t i = 0; i < limits::idle_pipe_count_max + 3; ++i) {
        pipes.push_back(std::make_unique<BytePipe>());
        CHECK(pipes.back()->fill(pair.b.descriptor(), 10).error == EAGAIN);
    }
    pipes.clear();
    BytePipe again;
    pair.a.send("works");
    CHECK(fill_soon(again, pair.b.descriptor()).bytes == 5);
}
