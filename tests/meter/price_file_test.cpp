#include "meter/price_file.h"

#include <string>

#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

const std::string head = "{\"format\":1,\"date\":\"2026-08-21\"}\n";

}  // namespace

TEST_CASE("a row with everything in it") {
    const auto file = parse_price_file(
        head +
        R"({"provider":"p","model":"m-1","also":["m.1"],"stems":["m"],"from":"2026-03-13",)"
        R"("rates":{"input":5000000,"output":25000000},"batch":{"input":2500000},)"
        R"("above":[{"tokens":200000,"rates":{"input":10000000}}],"web_search":10000000,)"
        R"("audio_second":100000,"fast_percent":600,"us_percent":110})"
        "\n");
    REQUIRE(file);
    CHECK(file->date == "2026-08-21");
    REQUIRE(file->rows.size() == 1);
    const PriceRow& row = file->rows.front();
    CHECK(row.also == std::vector<std::string>{"m.1"});
    CHECK(row.stems == std::vector<std::string>{"m"});
    CHECK(to_iso8601(row.from) == "2026-03-13T00:00:00.000000Z");
    REQUIRE(row.bands.size() == 2);
    CHECK(row.bands[0].rates[0].get(Rate::output) == 25'000'000);
    CHECK(row.bands[0].rates[1].get(Rate::input) == 2'500'000);
    CHECK_FALSE(row.bands[0].rates[1].has(Rate::output));
    CHECK(row.bands[1].above_tokens == 200'000);
    CHECK(row.bands[1].rates[0].get(Rate::input) == 10'000'000);
    CHECK(row.web_search_nanousd == 10'000'000);
    CHECK(row.audio_second_nanousd == 100'000);
    CHECK(row.fast_percent == 600);
    CHECK(row.us_percent == 110);
}

TEST_CASE("a broken file is refused with its line") {
    for (const std::string line : {
             "not json",
             "[]",
             R"({"provider":"p"})",
             R"({"provider":"p","model":"m","rates":{"inptu":1}})",
             R"({"provider":"p","model":"m","rates":{"input":0.5}})",
             R"({"provider":"p","model":"m","rates":{"input":-1}})",
             R"({"provider":"p","model":"m","from":"yesterday"})",
             R"({"provider":"p","model":"m","above":[{"tokens":5},{"tokens":4}]})",
         }) {
        CAPTURE(line);
        const auto file = parse_price_file(head + line + "\n");
        REQUIRE_FALSE(file);
        CHECK(file.error().kind == ErrorKind::malformed);
        CHECK(file.error().context == "price file, line 2");
    }
    CHECK_FALSE(parse_price_file(""));
    CHECK_FALSE(parse_price_file(R"({"format":2,"date":"2026-08-21"})"));
    CHECK_FALSE(parse_price_file(R"({"format":1,"date":"soon"})"));
}
