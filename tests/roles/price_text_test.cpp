#include "roles/price_text.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::roles;

namespace {

const UtcTime now = *parse_iso8601("2026-11-21T12:00:00Z");

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

meter::PriceBook book() {
    meter::PriceOverride entry;
    entry.provider = "p";
    entry.model = "m-1";
    entry.rates.set(meter::Rate::output, 1'250'000);
    meter::PriceOverride own = entry;
    own.model = "mine";
    return meter::PriceBook::
        parse("{\"format\":1,\"date\":\"2026-08-21\"}\n"
              R"({"provider":"p","model":"m-1","rates":{"input":3000000,"output":15000000,"cache_read":300000},"batch":{"input":1500000},"above":[{"tokens":200000,"rates":{"input":6000000}}],"web_search":10000000,"fees_vary":true,"fast_percent":600})"
              "\n"
              R"({"provider":"p","model":"m-1","from":"2026-12-01","rates":{"input":9000000}})"
              "\n"
              R"({"provider":"q","model":"scan","also":["old-scan"],"units":{"page":4000000000}})"
              "\n"
              R"({"provider":"q","model":"*","web_search":1})")
            .value()
            .with_local(nullptr, {entry, own}, "2026-11-21");
}

}  // namespace

TEST_CASE("prices in dollars for a million") {
    CHECK(to_rate_text(3'000'000) == "3");
    CHECK(to_rate_text(250'000) == "0.25");
    CHECK(to_rate_text(3'625) == "0.003625");
    CHECK(to_rate_text(0) == "0");
    CHECK(to_rate_text(1) == "0.000001");
    CHECK(to_rate_text(20'000'000) == "20");
    CHECK(to_rate_text(-1) == "-");
}

TEST_CASE("pricing list: one line for a model, as it counts today") {
    const auto text = to_price_list(book(), {"", "", now}, 0);
    CHECK(has(text, "Prices of 2026-08-21"));
    CHECK(has(text, "2 negotiated prices in config.toml"));
    CHECK(has(text, "p         m-1        3    1.25         0.3            -  + above 200k"));
    CHECK(has(text, "override"));
    CHECK(has(text, "$4 per page") == false);
    CHECK(has(text, "$0.004 per page"));
    CHECK(has(text, "mine"));
    CHECK_FALSE(has(text, "*"));
    CHECK_FALSE(has(text, "9  "));
    const auto scans = to_price_list(book(), {"q", "OLD", now}, 0);
    CHECK(has(scans, "scan"));
    CHECK_FALSE(has(scans, "m-1"));
    CHECK(has(to_price_list(book(), {"nobody", "", now}, 0), "No such model"));
    JsonParser parser;
    const auto json = parser.parse(to_price_list_json(book(), {"", "m-1", now})).value();
    CHECK(json["bundle_date"].as_string() == "2026-08-21");
    CHECK(json["overrides"].as_integer() == 2);
    int count = 0;
    json["prices"].for_each_element([&](JsonView row) {
        ++count;
        CHECK(row["standard"]["input_nanousd_per_1k"].as_integer() == 3'000'000);
        CHECK(row["batch"]["input_nanousd_per_1k"].as_integer() == 1'500'000);
        CHECK(row["rates_source"].as_string() == "override");
    });
    CHECK(count == 1);
}

TEST_CASE("pricing show: everything about one model") {
    const auto found = book().find({"p", "m-1", meter::RequestKind::chat, "", now});
    REQUIRE(found);
    const auto text = to_price_details({*found}, now);
    CHECK(has(text, "p m-1 on 2026-11-21\n"));
    CHECK(has(text, "price row override:p/m-1, list of 2026-11-21 (override)"));
    CHECK(has(text, "input                       3  batch 1.5\n"));
    CHECK(has(text, "with more than 200000 tokens of input, for every token"));
    CHECK(has(text, "$0.01 per web search (varies: an estimate)"));
    CHECK(has(text, "times 6 in fast mode"));
    JsonParser parser;
    const auto json = parser.parse(to_price_details_json({*found}, now)).value();
    json["prices"].for_each_element([&](JsonView row) {
        CHECK(row["price_id"].as_string() == "override:p/m-1");
        CHECK(row["web_search_nanousd"].as_integer() == 10'000'000);
        CHECK(row["request_nanousd"].is_null());
    });
}

TEST_CASE("pricing import: what was left out is told") {
    meter::PriceImport import;
    import.row_count = 7;
    import.skipped["a reason"] = {5, { "x", "y", "z" }};
    import.skipped["another"] = {1, { "w" }};
    const auto text = to_import_text(import, "prices.json");
    CHECK(has(text, "7 models taken from prices.json."));
    CHECK(has(text, "6 entries left out:"));
    CHECK(has(text, "5  a reason: x, y, z, ...\n"));
    CHECK(has(text, "1  another: w\n"));
}

TEST_CASE("reprice: the difference by model, and what stays") {
    store::RepriceResult result;
    result.rows = 10;
    result.changed = 2;
    result.unchanged = 5;
    result.kept = 2;
    result.too_old = 1;
    result.before = NanoUsd{1'000'000'000};
    result.after = NanoUsd{3'500'000'000};
    result.groups = {{"anthropic", "claude-x", 2, result.before, result.after}};
    const auto text = to_reprice_text(result, false, 0);
    CHECK(has(text, "10 rows looked at: 2 would change, 5 unchanged."));
    CHECK(has(text, "2 keep a price that no list has any more."));
    CHECK(has(text, "1 are from a version"));
    CHECK(has(text, "anthropic  claude-x     2   $1.00  $3.50      +$2.50"));
    CHECK(has(text, "In all: $1.00 before, $3.50 after (+$2.50)."));
    CHECK(has(to_reprice_text(result, true, 0), "2 changed,"));
    JsonParser parser;
    const auto json = parser.parse(to_reprice_json(result, false)).value();
    CHECK(json["applied"].as_bool() == false);
    CHECK(json["after_nanousd"].as_integer() == 3'500'000'000);
    result.changed = 0;
    CHECK_FALSE(has(to_reprice_text(result, true, 0), "In all"));
}

TEST_CASE("limits: how full, until when, and what has passed") {
    const std::vector<store::PlanLimitRow> limits{
        {"anthropic", "5h", "max", "allowed", 0.834, now + std::chrono::minutes(150), 300,
         now - std::chrono::minutes(3)},
        {"anthropic", "7d", "", "", 0.5, now - std::chrono::minutes(1), 0, now},
        {"openai", "codex-primary", "pro", "", std::nullopt, std::nullopt, 0, now}};
    const auto text = to_limits_text(limits, now, 0);
    CHECK(has(text, "5h              83%  in 2 h 30 min   allowed  max   3 min ago"));
    CHECK(has(text, "7d                -  has been reset"));
    CHECK(has(text, "codex-primary     -  -"));
    JsonParser parser;
    const auto json = parser.parse(to_limits_json(limits, now)).value();
    std::vector<bool> reset;
    json["limits"].for_each_element(
        [&](JsonView row) { reset.push_back(row["has_been_reset"].as_bool().value()); });
    CHECK(reset == std::vector<bool>{false, true, false});
}
