#include "api/live.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using api::LiveFeed;

namespace {

std::string call(int number) {
    return api::to_event("call", std::to_string(number), "{\"n\":" + std::to_string(number) + "}");
}
void publish(LiveFeed& feed, int number) {
    feed.publish_call(std::to_string(number),
                      [number] { return "{\"n\":" + std::to_string(number) + "}"; });
}

}  // namespace

TEST_CASE("live: an event is its name, its id and one line") {
    CHECK(api::to_event("call", "7", "{}") == "event: call\nid: 7\ndata: {}\n\n");
    CHECK(api::to_event("state", {}, "{\n\"a\":1\n}") == "event: state\ndata: { \"a\":1 }\n\n");
}

TEST_CASE("live: every reader gets what happens from then on, in order") {
    LiveFeed feed;
    publish(feed, 1);
    const auto one = feed.join({});
    publish(feed, 2);
    const auto two = feed.join({});
    int woken = 0;
    two->wake = [&woken] { ++woken; };
    publish(feed, 3);
    feed.publish("state", "{}");
    CHECK(one->take() == call(2) + call(3) + "event: state\ndata: {}\n\n");
    CHECK(two->take() == call(3) + "event: state\ndata: {}\n\n");
    CHECK(woken == 2);
    CHECK(one->take().empty());
    CHECK_FALSE(one->is_resumed());
}

TEST_CASE("live: a slow reader loses events and is told how many") {
    LiveFeed feed(4, 2, 4);
    const auto slow = feed.join({});
    for (int i = 1; i <= 5; ++i) publish(feed, i);
    CHECK(slow->lost_count() == 3);
    CHECK(slow->take() == call(1) + call(2) + "event: lost\ndata: {\"lost_events\":3}\n\n");
    publish(feed, 6);
    CHECK(slow->take() == call(6));
    CHECK(slow->lost_count() == 3);
}

TEST_CASE("live: who comes back is given what it missed, as far as it is kept") {
    LiveFeed feed(4, 8, 3);
    for (int i = 1; i <= 5; ++i) publish(feed, i);
    const auto back = feed.join("3");
    CHECK(back->is_resumed());
    CHECK(back->take() == call(4) + call(5));
    CHECK(feed.join("5")->take().empty());
    const auto late = feed.join("1");
    CHECK_FALSE(late->is_resumed());
    CHECK(late->take().empty());
}

TEST_CASE("live: there is room for so many, and for others when they leave") {
    LiveFeed feed(2, 2, 2);
    auto one = feed.join({});
    const auto two = feed.join({});
    CHECK(feed.join({}) == nullptr);
    one.reset();
    CHECK(feed.reader_count() == 1);
    CHECK(feed.join({}) != nullptr);
    // Leaving while one is woken.
    auto leaving = feed.join({});
    REQUIRE(leaving);
    leaving->wake = [&leaving] { leaving.reset(); };
    publish(feed, 1);
    CHECK(feed.reader_count() == 1);
}

TEST_CASE("live: the states are JSON") {
    JsonParser parser;
    const auto state = parser.parse(api::to_live_state({3, 40}));
    REQUIRE(state);
    CHECK((*state)["running_calls"].as_integer() == 3);
    CHECK((*state)["request_count_last_hour"].as_integer() == 40);
    const auto hello = parser.parse(api::to_live_hello({0, 0}, true));
    REQUIRE(hello);
    CHECK((*hello)["resumed"].as_bool() == true);
}
