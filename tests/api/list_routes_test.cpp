#include "api/handlers.h"

#include "api/api_world.h"
#include "store/unmetered.h"

using namespace halton;
using namespace halton::test;

TEST_CASE("list routes: what was not metered, and why") {
    ApiWorld world;
    {
        store::RowWriter writer(world.sources.database);
        writer.begin();
        const auto at = *parse_iso8601("2026-11-20T10:00:00Z");
        writer.add_unmetered({{"2026-11-20", "client-refuses", "node", "api.openai.com", 7, at, at},
                              {"2026-11-20", "not-metered", "", "", 30, at, at},
                              {"2026-11-20", "word-of-tomorrow", "", "", 1, at, at}});
        writer.commit();
    }
    world.write({world.call(1, "2026-11-20T00:00:00Z")});
    world.facts.refusals = {{"node", "api.openai.com", 2, UtcTime()}};
    world.facts.ledger.rows_dropped_error = 3;
    const auto answer = world.get("/v1/passthrough");
    CHECK(number_at(answer["metered_requests"]) == 1);
    CHECK(texts_of(answer["items"], "reason") ==
          std::vector<std::string>{"not-metered", "client-refuses", "word-of-tomorrow"});
    const auto refused = element(answer["items"], 1);
    CHECK(text_at(refused["program"]) == "node");
    CHECK(text_at(refused["host"]) == "api.openai.com");
    CHECK(number_at(refused["connections"]) == 7);
    CHECK(text_at(refused["what_to_do"]) == "halton-meter doctor");
    CHECK(element(answer["items"], 0)["host"].is_null());
    CHECK(text_at(element(answer["items"], 2)["meaning"]) == "word-of-tomorrow");
    CHECK(texts_of(answer["refusing_clients"], "program") == std::vector<std::string>{"node"});
    CHECK(number_at(answer["dropped"]["error"]) == 3);
    CHECK(texts_of(world.get("/v1/passthrough?since=2026-11-21")["items"], "reason").empty());
}

TEST_CASE("list routes: limits of subscriptions") {
    ApiWorld world;
    CHECK(texts_of(world.get("/v1/limits")["items"], "name").empty());
    auto call = world.call(1, "2026-11-20T00:00:00Z");
    call.plan_limits = {{"5h", "max", "allowed", 0.42, *parse_iso8601("2026-11-21T05:00:00Z"), 300},
                        {"7d", {}, {}, {}, *parse_iso8601("2026-11-20T05:00:00Z"), 0}};
    world.write({call});
    const auto limits = world.get("/v1/limits");
    REQUIRE(texts_of(limits["items"], "name") == std::vector<std::string>{"5h", "7d"});
    const auto first = element(limits["items"], 0);
    CHECK(text_at(first["provider"]) == "anthropic");
    CHECK(text_at(first["plan"]) == "max");
    CHECK(*first["used_fraction"].as_number() == 0.42);
    CHECK(text_at(first["resets_at"]) == "2026-11-21T05:00:00.000000Z");
    CHECK(first["is_over"].as_bool() == false);
    CHECK(number_at(first["window_minutes"]) == 300);
    const auto second = element(limits["items"], 1);
    CHECK(second["used_fraction"].is_null());
    CHECK(second["window_minutes"].is_null());
    CHECK(second["is_over"].as_bool() == true);
}

TEST_CASE("list routes: prices") {
    ApiWorld world;
    const auto all = world.get("/v1/prices");
    CHECK(text_at(all["bundle_date"]).size() == 10);
    CHECK(all["local_date"].is_null());
    CHECK(texts_of(all["items"], "model").size() > 200);
    CHECK(texts_of(world.get("/v1/pricing-rates")["items"], "model").size() ==
          texts_of(world.get("/api/pricing")["items"], "model").size());

    const auto some = world.get("/v1/prices?q=CLAUDE-sonnet-4-5");
    const auto providers = texts_of(some["items"], "provider");
    CHECK(std::find(providers.begin(), providers.end(), "anthropic") != providers.end());
    bool is_found = false;
    some["items"].for_each_element([&](JsonView item) {
        if (text_at(item["provider"]) != "anthropic" || text_at(item["tier"]) != "standard" ||
            !item["above_tokens"].is_null())
            return;
        is_found = true;
        CHECK(number_at(item["nanousd_per_1k"]["input"]) == 3'000'000);
        CHECK(number_at(item["nanousd_per_1k"]["output"]) == 15'000'000);
    });
    CHECK(is_found);
    CHECK(texts_of(world.get("/v1/prices?q=no%20such%20model")["items"], "model").empty());
}

TEST_CASE("list routes: prices of what was called, and what has none") {
    ApiWorld world;
    auto known = world.call(1, "2026-11-20T00:00:00Z");
    known.model = "claude-sonnet-4-5";
    auto unknown = world.call(2, "2026-11-20T00:00:00Z");
    unknown.model = "claude-of-tomorrow";
    unknown.cost.reset();
    unknown.cost_state = meter::CostState::unknown;
    world.write({known, unknown});
    const auto used = world.get("/v1/prices?used=1");
    const auto providers = texts_of(used["items"], "provider");
    CHECK_FALSE(providers.empty());
    CHECK(std::count(providers.begin(), providers.end(), "anthropic") ==
          static_cast<std::ptrdiff_t>(providers.size()));
    CHECK(texts_of(used["unpriced_models"], "model") ==
          std::vector<std::string>{"claude-of-tomorrow"});
}

TEST_CASE("list routes: negotiated prices are told as what they are") {
    ApiWorld world;
    meter::PriceOverride price;
    price.provider = "anthropic";
    price.model = "claude-sonnet-4-5";
    price.from = *api::parse_day("2026-11-01");
    price.until = *api::parse_day("2026-12-01");
    price.rates.set(meter::Rate::input, 1'000);
    const auto book = meter::PriceBook::bundled().with_local(nullptr, {price}, "2026-11-21");
    world.sources.prices = &book;
    const auto overrides = world.get("/v1/prices?q=nothing")["overrides"];
    const auto one = element(overrides, 0);
    CHECK(text_at(one["from"]) == "2026-11-01");
    CHECK(text_at(one["to"]) == "2026-11-30");
    CHECK(number_at(one["nanousd_per_1k"]["input"]) == 1'000);
    CHECK(one["above_tokens"].is_null());
}
