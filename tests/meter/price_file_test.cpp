#include "meter/price_file.h"

#include <string>

#include "meter/pricing.h"

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
        R"("grounded_call":35000000,"request":5000000,"fees_vary":true,)"
        R"("units":{"second":100000000,"page":1},"fast_percent":600,"us_percent":110})"
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
    CHECK(row.grounded_call_nanousd == 35'000'000);
    CHECK(row.request_nanousd == 5'000'000);
    CHECK(row.is_fee_varying);
    CHECK(row.units.get(Unit::second) == 100'000'000);
    CHECK(row.units.get(Unit::page) == 1);
    CHECK(row.units.get(Unit::image) == -1);
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
             R"({"provider":"p","model":"m","rates":{"input":1000000000001}})",
             R"({"provider":"p","model":"m","units":{"litre":1}})",
             R"({"provider":"p","model":"m","units":{"page":-1}})",
             R"({"provider":"p","model":"m","web_search":-5})",
             R"({"provider":"p","model":"m","fast_percent":100000})",
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

TEST_CASE("every line of the file in the program reads back as it was written") {
    std::string text = "{\"format\":1,\"date\":\"2026-08-21\"}\n";
    const auto all = PriceBook::bundled().rows();
    REQUIRE(all.size() > 1500);
    for (const ListedPrice& listed : all) text += to_price_line(*listed.row) + '\n';
    const auto file = parse_price_file(text);
    REQUIRE(file);
    REQUIRE(file->rows.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const PriceRow& was = *all[i].row;
        const PriceRow& is = file->rows[i];
        CAPTURE(was.provider, was.model);
        CHECK(is.model == was.model);
        CHECK(is.also == was.also);
        CHECK(is.stems == was.stems);
        CHECK(is.from == was.from);
        CHECK(is.units == was.units);
        CHECK(is.web_search_nanousd == was.web_search_nanousd);
        CHECK(is.grounded_call_nanousd == was.grounded_call_nanousd);
        CHECK(is.request_nanousd == was.request_nanousd);
        CHECK(is.is_fee_varying == was.is_fee_varying);
        CHECK(is.fast_percent == was.fast_percent);
        CHECK(is.us_percent == was.us_percent);
        REQUIRE(is.bands.size() == was.bands.size());
        for (std::size_t k = 0; k < is.bands.size(); ++k) {
            CHECK(is.bands[k].above_tokens == was.bands[k].above_tokens);
            CHECK(is.bands[k].rates == was.bands[k].rates);
        }
    }
}

TEST_CASE("names with quotes in them are written as JSON") {
    PriceRow row;
    row.provider = "p";
    row.model = "a \"b\"\\c";
    row.bands.emplace_back().rates[0].set(Rate::input, 1);
    const auto file = parse_price_file(head + to_price_line(row));
    REQUIRE(file);
    CHECK(file->rows[0].model == row.model);
}
