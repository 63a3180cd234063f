#include "roles/local_time.h"

#include <chrono>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using test::ScopedVariable;

namespace {

UtcTime at(const char* text) { return parse_iso8601(text).value(); }

}  // namespace

TEST_CASE("local time: days begin at midnight there, also when clocks change") {
    // As POSIX writes zones, so that no table of the system is needed.
    const ScopedVariable zone_variable("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
    const auto zone =
        roles::read_local_zone(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    REQUIRE(zone.spans.size() == 3);
    CHECK(zone.spans[1].from == at("2026-03-29T01:00:00Z"));
    CHECK(zone.spans[2].from == at("2026-10-25T01:00:00Z"));
    struct Case {
        const char* day;
        const char* start;
    };
    for (const Case& each : {Case{"2026-01-10T00:00:00Z", "2026-01-09T23:00:00Z"},
                             {"2026-03-29T00:00:00Z", "2026-03-28T23:00:00Z"},
                             {"2026-03-30T00:00:00Z", "2026-03-29T22:00:00Z"},
                             {"2026-10-26T00:00:00Z", "2026-10-25T23:00:00Z"}})
        CHECK(roles::to_day_start(at(each.day), zone) == at(each.start));
    CHECK(roles::to_local_text(at("2026-07-01T22:30:05Z"), zone) == "2026-07-02 00:30:05");
    CHECK(roles::local_zone_name(at("2026-07-01T00:00:00Z")) == "CEST");
}

TEST_CASE("local time: half hours, west of UTC, and no zone at all") {
    {
        const ScopedVariable zone_variable("TZ", "<+0530>-5:30");
        const auto zone =
            roles::read_local_zone(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
        CHECK(roles::to_day_start(at("2026-01-10T00:00:00Z"), zone) == at("2026-01-09T18:30:00Z"));
        CHECK(roles::local_zone_name(at("2026-01-01T00:00:00Z")) == "+05:30");
    }
    const ScopedVariable zone_variable("TZ", "EST5");
    const auto zone =
        roles::read_local_zone(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
    CHECK(roles::to_day_start(at("2026-01-10T00:00:00Z"), zone) == at("2026-01-10T05:00:00Z"));
    CHECK(roles::to_day_start(at("2026-01-10T00:00:00Z"), {}) == at("2026-01-10T00:00:00Z"));
}
