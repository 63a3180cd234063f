#include "base/clock.h"

#include "support/catch.h"

using namespace halton;

namespace {

UtcTime at_micros(std::int64_t micros) { return UtcTime(std::chrono::microseconds(micros)); }

}  // namespace

TEST_CASE("clock: a time is written in UTC with six digits") {
    CHECK(to_iso8601(at_micros(0)) == "1970-01-01T00:00:00.000000Z");
    CHECK(to_iso8601(at_micros(1'700'000'000'123'456)) == "2023-11-14T22:13:20.123456Z");
    CHECK(to_iso8601(at_micros(-1)) == "1969-12-31T23:59:59.999999Z");
    CHECK(to_iso8601(at_micros(1'709'164'800'000'001)) == "2024-02-29T00:00:00.000001Z");
}

TEST_CASE("clock: what is written is read again") {
    for (const std::int64_t micros :
         {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1'700'000'000'123'456},
          std::int64_t{4'102'444'799'999'999}}) {
        const auto time = parse_iso8601(to_iso8601(at_micros(micros)));
        REQUIRE(time);
        CHECK(*time == at_micros(micros));
    }
}

TEST_CASE("clock: fractions of other lengths are read") {
    const auto micros = [](const char* text) {
        const auto time = parse_iso8601(text);
        REQUIRE(time);
        return time->time_since_epoch().count();
    };
    CHECK(micros("1970-01-01T00:00:01Z") == 1'000'000);
    CHECK(micros("1970-01-01T00:00:00.5Z") == 500'000);
    CHECK(micros("1970-01-01T00:00:00.123Z") == 123'000);
    CHECK(micros("1970-01-01T00:00:00.123456789Z") == 123'456);
    CHECK(micros("1970-01-02T00:00:60Z") == 86'460'000'000);
}

TEST_CASE("clock: other texts are malformed") {
    for (const auto* text :
         {"", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01 00:00:00Z",
          "1970-01-01T00:00:00+00Z", "1970-13-01T00:00:00Z", "1970-02-29T00:00:00Z",
          "1970-00-01T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z",
          "1970-01-01T00:00:61Z", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1234567890Z",
          "1970-01-01T00:00:00.12x4Z", "197a-01-01T00:00:00Z", "1970-01-01T00:00:00z",
          "-970-01-01T00:00:00Z"}) {
        INFO(text);
        const auto time = parse_iso8601(text);
        REQUIRE_FALSE(time);
        CHECK(time.error().kind == ErrorKind::malformed);
    }
}

TEST_CASE("clock: text order is time order") {
    CHECK(to_iso8601(at_micros(999'999)) < to_iso8601(at_micros(1'000'000)));
    CHECK(to_iso8601(at_micros(86'399'999'999)) < to_iso8601(at_micros(86'400'000'000)));
}

TEST_CASE("clock: the machine's clocks go") {
    const Clock& clock = system_clock();
    CHECK(to_iso8601(clock.now_utc()) > "2024");
    const SteadyTime before = clock.now_steady();
    CHECK(clock.now_steady() >= before);
}
