#include "http/tap.h"

#include "support/catch.h"
#include "support/h2_bytes.h"

using namespace halton;
using namespace halton::http;
namespace h2 = halton::test::h2;

namespace {

// What the tap sees in the first bytes of a client.
Event::Kind first_event(Tap& tap, const std::string& bytes) {
    EventList events;
    tap.feed(Direction::to_upstream, bytes, events);
    REQUIRE_FALSE(events.empty());
    return events[0].kind;
}

const std::string in_1 = "GET / HTTP/1.1\r\n\r\n";
const std::string in_2 = h2::client_start + h2::request(1, "GET", "/");

}  // namespace

TEST_CASE("tap: the protocol decides which") {
    for (const char* protocol : {"", "http/1.1", "h2"}) {
        INFO(protocol);
        CHECK(Tap::knows(protocol));
        const bool is_h2 = std::string_view(protocol) == "h2";
        Tap right(protocol);
        CHECK(first_event(right, is_h2 ? in_2 : in_1) == Event::Kind::request_head);
        CHECK_FALSE(right.is_blind());
        CHECK_FALSE(right.is_upgraded());
        Tap wrong(protocol);
        CHECK(first_event(wrong, is_h2 ? in_1 : in_2) == Event::Kind::lost);
        CHECK(wrong.is_blind());
    }
    for (const char* protocol : {"h3", "spdy/3", "http/1.0", "H2", "grpc-exp"})
        CHECK_FALSE(Tap::knows(protocol));
}

TEST_CASE("tap: both ends reach the one that was chosen") {
    for (const char* protocol : {"http/1.1", "h2"}) {
        Tap tap(protocol);
        first_event(tap, std::string_view(protocol) == "h2" ? in_2 : in_1);
        tap.release();
        EventList events;
        tap.finish(Direction::to_upstream, events);
        CHECK(events.empty());  // the request was whole
        tap.abort(events);
        REQUIRE(events.size() == 1);
        CHECK(events[0].kind == Event::Kind::response_end);
        CHECK_FALSE(events[0].is_complete);
    }
}
