#include "api/rows_json.h"

#include <numeric>
#include <random>

#include "api/api_world.h"

using namespace halton;
using namespace halton::test;

TEST_CASE("rows as json: parts in millicents come to exactly the whole's") {
    CHECK(api::apportion_millicents({}).empty());
    CHECK(api::apportion_millicents({NanoUsd{4'999}}) == std::vector<std::int64_t>{0});
    CHECK(api::apportion_millicents({NanoUsd{5'000}}) == std::vector<std::int64_t>{1});
    // Each would be rounded down, and together they are a millicent.
    CHECK(api::apportion_millicents({NanoUsd{3'000}, NanoUsd{4'000}, NanoUsd{3'000}}) ==
          std::vector<std::int64_t>{0, 1, 0});
    std::mt19937_64 dice(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<NanoUsd> parts;
        NanoUsd whole;
        for (int i = 0; i < 1 + round % 9; ++i) {
            parts.push_back({static_cast<std::int64_t>(dice() % 100'000)});
            whole = whole + parts.back();
        }
        const auto shares = api::apportion_millicents(parts);
        CHECK(std::accumulate(shares.begin(), shares.end(), std::int64_t{0}) ==
              to_millicents(whole));
        for (std::size_t i = 0; i < parts.size(); ++i)
            CHECK(std::abs(shares[i] * 10'000 - parts[i].value) < 10'000);
    }
}

TEST_CASE("rows as json: a finished call reads like its row") {
    ApiWorld world;
    auto call = world.call(1, "2026-11-20T10:00:00.123456Z");
    call.error =
        meter::CallError{meter::ErrorClass::quota_exceeded, "insufficient_quota", false, {}};
    call.status = "error";
    call.http_status = 429;
    call.client = {"claude-code", "2.1", "session-1", {}, {}, "reviewer"};
    call.git_branch = "feature/x";
    call.retry_count = 2;
    call.requested_model = "claude-latest";
    call.billing = meter::BillingMode::plan;
    call.time_to_first_byte_ms = 1.5;
    world.write({call});

    const auto live = api::to_call_json(call);
    JsonParser parser;
    const auto json = parser.parse(live);
    REQUIRE(json);
    CHECK(find_misfit(*json, "#Request", "") == "");
    CHECK(text_at((*json)["error_class"]) == "quota_exceeded");
    CHECK(text_at((*json)["error_wire_class"]) == "auth");
    CHECK(text_at((*json)["requested_at"]) == "2026-11-20T10:00:00.123456Z");
    CHECK((*json)["retryable"].as_bool() == false);

    // The very same text comes from the database.
    const auto page = world.ask("GET", "/v1/requests");
    REQUIRE(page.status == 200);
    CHECK(page.body.find(live) != std::string::npos);
}

TEST_CASE("rows as json: what is not known is null, and not nothing") {
    auto call = make_call(1);
    call.cost.reset();
    call.cost_state = meter::CostState::unknown;
    call.rates_source.clear();
    call.http_status = 0;
    JsonParser parser;
    const auto text = api::to_call_json(call);
    const auto json = parser.parse(text);
    REQUIRE(json);
    for (const char* name :
         {"cost_usd_minor_units", "cost_nanousd", "rates_source", "price_id", "http_status",
          "error_class", "error_wire_class", "retryable", "client_tool", "session_id", "git_branch",
          "retry_count", "time_to_first_byte_ms", "requested_model"}) {
        INFO(name);
        CHECK((*json)[name].is_null());
    }
}
