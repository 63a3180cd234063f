#include "meter/body_capture.h"

#include "base/limits.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::meter;
using http::Direction;

namespace {

http::HeaderList make_headers(const std::string& type, const std::string& coding = {}) {
    http::HeaderList headers;
    headers.add("content-type", type);
    if (!coding.empty()) headers.add("content-encoding", coding);
    return headers;
}

// "hello, hello, hello, hello\n" by gzip.
const std::string zipped(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\xc0\xa4"
    "\xb8\x00\x4b\x21\xa1\x29\x1b\x00\x00\x00",
    30);

}  // namespace

TEST_CASE("body capture: both sides, whole and in any pieces, decoded") {
    for (std::size_t piece = 1; piece <= zipped.size(); ++piece) {
        BodyCapture capture(std::make_shared<CaptureBudget>(1 << 20));
        capture.begin(Direction::to_upstream, make_headers("application/json; charset=utf-8"));
        capture.begin(Direction::to_client, make_headers("text/event-stream", "gzip"));
        capture.feed(Direction::to_upstream, "{\"a\":");
        capture.feed(Direction::to_upstream, "1}");
        for (std::size_t at = 0; at < zipped.size(); at += piece)
            capture.feed(Direction::to_client, std::string_view(zipped).substr(at, piece));
        const auto bodies = capture.take();
        REQUIRE(bodies);
        CHECK(bodies->request.held.text() == "{\"a\":1}");
        CHECK(bodies->request.bytes == 7);
        CHECK(bodies->request.content_type == "application/json");
        CHECK(bodies->response.held.text() == "hello, hello, hello, hello\n");
        CHECK(bodies->response.bytes == 27);
        CHECK(bodies->response.content_type == "text/event-stream");
    }
}

TEST_CASE("body capture: the head is kept up to the cap, and all is counted") {
    const std::size_t held_max = limits::body_bytes_max + limits::body_margin_bytes;
    BodyCapture capture(std::make_shared<CaptureBudget>(1 << 26));
    const std::string piece(100'000, 'x');
    for (int i = 0; i < 20; ++i) capture.feed(Direction::to_client, piece);
    const auto bodies = capture.take();
    REQUIRE(bodies);
    CHECK(bodies->response.held.text().size() == held_max);
    CHECK(bodies->response.bytes == 2'000'000);
}

TEST_CASE(
    "body capture: sound and pictures are counted only, broken codings keep their beginning") {
    BodyCapture capture(std::make_shared<CaptureBudget>(1 << 20));
    capture.begin(Direction::to_client, make_headers("audio/mpeg"));
    capture.feed(Direction::to_client, "ID3");
    capture.begin(Direction::to_upstream, make_headers("application/json", "gzip"));
    capture.feed(Direction::to_upstream, zipped.substr(0, 20) + "broken");
    capture.feed(Direction::to_upstream, "more");
    const auto bodies = capture.take();
    REQUIRE(bodies);
    CHECK(bodies->response.is_media);
    CHECK(bodies->response.held.text().empty());
    CHECK(bodies->response.bytes == 3);
    CHECK(bodies->request.held.text().substr(0, 5) == "hello");
    BodyCapture unknown(std::make_shared<CaptureBudget>(1 << 20));
    unknown.begin(Direction::to_client, make_headers("text/plain", "exotic"));
    unknown.feed(Direction::to_client, "coded");
    CHECK(unknown.take()->response.held.text().empty());
}

TEST_CASE("body capture: messages of a socket are lines, turn by turn") {
    BodyCapture capture(std::make_shared<CaptureBudget>(1 << 20));
    capture.feed_message(Direction::to_upstream, "{\"a\"", false);
    capture.feed_message(Direction::to_upstream, ":1}", true);
    capture.feed_message(Direction::to_client, "{}", true);
    const auto first = capture.take();
    REQUIRE(first);
    CHECK(first->request.held.text() == "{\"a\":1}\n");
    CHECK(first->response.held.text() == "{}\n");
    capture.feed_message(Direction::to_client, "2", true);
    CHECK(capture.take()->response.held.text() == "2\n");
}

TEST_CASE("body capture: over the budget it gives up, counts, and gives everything back") {
    const auto budget = std::make_shared<CaptureBudget>(1000);
    {
        BodyCapture first(budget);
        first.feed(Direction::to_upstream, std::string(700, 'a'));
        CHECK(budget->used_bytes() == 700);
        BodyCapture second(budget);
        second.feed(Direction::to_upstream, std::string(200, 'b'));
        second.feed(Direction::to_client, std::string(200, 'c'));
        CHECK(budget->refused_count() == 1);
        CHECK(budget->used_bytes() == 700);
        second.feed(Direction::to_client, "d");
        CHECK_FALSE(second.take());
        CHECK(budget->refused_count() == 1);
        // The next turn may have room again.
        second.feed(Direction::to_client, std::string(100, 'e'));
        auto bodies = second.take();
        REQUIRE(bodies);
        CHECK(budget->used_bytes() == 800);
        HeldText moved = std::move(bodies->response.held);
        bodies.reset();
        CHECK(budget->used_bytes() == 800);
        moved = HeldText(budget);
        CHECK(budget->used_bytes() == 700);
    }
    CHECK(budget->used_bytes() == 0);
}

TEST_CASE("capture switches: the file, then the project, then everywhere") {
    const auto budget = std::make_shared<CaptureBudget>(1);
    for (const bool everywhere : {false, true}) {
        CaptureSwitches switches(everywhere, budget);
        switches.set_projects({{"on", true}, {"off", false}});
        CHECK(switches.is_on("other", std::nullopt) == everywhere);
        CHECK(switches.is_on("on", std::nullopt));
        CHECK_FALSE(switches.is_on("off", std::nullopt));
        CHECK_FALSE(switches.is_on("on", false));
        CHECK(switches.is_on("off", true));
    }
}
