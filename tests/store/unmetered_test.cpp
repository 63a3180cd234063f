#include "store/unmetered.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "support/catch.h"

using namespace halton;
using store::UnmeteredCounts;

namespace {

const UtcTime day_one{std::chrono::hours(24 * 20'000)};
const UtcTime day_two{std::chrono::hours(24 * 20'001)};

}  // namespace

TEST_CASE("unmetered: counted by day, reason, program and host") {
    UnmeteredCounts counts;
    CHECK(counts.is_empty());
    counts.add("not-metered", "", "", day_one);
    counts.add("client-refused", "node", "api.example.com", day_one);
    counts.add("client-refused", "node", "api.example.com", day_one + std::chrono::minutes(5));
    counts.add("client-refused", "node", "api.example.com", day_two);
    CHECK_FALSE(counts.is_empty());
    const auto rows = counts.take();
    CHECK(counts.is_empty());
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].reason == "client-refused");
    CHECK(rows[0].count == 2);
    CHECK(rows[0].first_at == day_one);
    CHECK(rows[0].last_at == day_one + std::chrono::minutes(5));
    CHECK(rows[1].reason == "not-metered");
    CHECK(rows[2].day > rows[0].day);
}

TEST_CASE("unmetered: what could not be written is counted again") {
    UnmeteredCounts counts;
    counts.add("no-sni", "", "", day_one + std::chrono::minutes(1));
    const auto rows = counts.take();
    counts.add("no-sni", "", "", day_one + std::chrono::minutes(2));
    counts.put_back(rows);
    const auto again = counts.take();
    REQUIRE(again.size() == 1);
    CHECK(again[0].count == 2);
    CHECK(again[0].first_at == day_one + std::chrono::minutes(1));
    CHECK(again[0].last_at == day_one + std::chrono::minutes(2));
}

TEST_CASE("unmetered: a flood of programs does not fill memory, and no count is lost") {
    UnmeteredCounts counts;
    const int many = static_cast<int>(limits::unmetered_kinds_max) * 3;
    for (int i = 0; i < many; ++i)
        counts.add("client-refused", fmt::format("program-{}", i), "api.example.com", day_one);
    std::int64_t sum = 0;
    const auto rows = counts.take();
    for (const auto& row : rows) sum += row.count;
    CHECK(sum == many);
    CHECK(rows.size() <= limits::unmetered_kinds_max + 1);
    // Also over several writes of one day.
    for (int i = 0; i < many; ++i)
        counts.add("client-refused", fmt::format("other-{}", i), "", day_one);
    CHECK(counts.take().size() == 1);
    counts.add("client-refused", "next day", "", day_two);
    CHECK(counts.take().front().program == "next day");
}

TEST_CASE("unmetered: names are cut and hold no control bytes") {
    UnmeteredCounts counts;
    counts.add("client-refused", std::string(1'000, 'x') + "\n", "a\x1b[2J", day_one);
    const auto rows = counts.take();
    CHECK(rows.front().program.size() <= limits::unmetered_name_bytes_max);
    CHECK(rows.front().host.find('\x1b') == std::string::npos);
}
