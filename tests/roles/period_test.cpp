#include "roles/period.h"

#include <cxxopts.hpp>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;

namespace {

UtcTime at(const char* text) { return parse_iso8601(text).value(); }

Result<roles::Period> read(std::vector<std::string> words) {
    cxxopts::Options options("x", "");
    roles::add_period_flags(options);
    words.insert(words.begin(), "x");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return roles::read_period(options.parse(static_cast<int>(words.size()), argv.data()),
                              at("2026-11-21T12:00:00Z"), std::chrono::hours(30 * 24));
}

}  // namespace

TEST_CASE("period: days are local, and UTC's where that is said") {
    const test::ScopedVariable zone("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
    auto period = read({"--from", "2026-10-20", "--to", "2026-11-01"}).value();
    CHECK(period.from == at("2026-10-19T22:00:00Z"));
    CHECK(period.to == at("2026-11-01T23:00:00Z"));
    CHECK(period.zone_name == "CET");
    period = read({"--from", "2026-10-20", "--to", "2026-11-01", "--utc"}).value();
    CHECK(period.from == at("2026-10-20T00:00:00Z"));
    CHECK(period.to == at("2026-11-02T00:00:00Z"));
    CHECK(period.zone_name == "UTC");
    CHECK(period.zone.spans.empty());
    CHECK(read({"--today"}).value().from == at("2026-11-20T23:00:00Z"));
    CHECK(read({"--today", "--utc"}).value().from == at("2026-11-21T00:00:00Z"));
    CHECK(read({"--to", "2026-11-20", "--utc"}).value().from == at("2026-10-22T00:00:00Z"));
}

TEST_CASE("period: what is left out, and what contradicts itself") {
    auto period = read({}).value();
    CHECK(period.from == at("2026-10-22T12:00:00Z"));
    CHECK(period.to == at("2026-11-21T12:00:01Z"));
    CHECK(read({"--since", "2h"}).value().from == at("2026-11-21T10:00:00Z"));
    CHECK_FALSE(read({"--since", "2h", "--today"}));
    CHECK_FALSE(read({"--since", "2h", "--to", "2026-01-01"}));
    CHECK_FALSE(read({"--from", "2026-12-01"}));
    CHECK_FALSE(read({"--from", "tomorrow"}));
    CHECK_FALSE(read({"--since", "soon"}));
}
