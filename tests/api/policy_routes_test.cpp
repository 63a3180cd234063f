#include "api/handlers.h"

#include "api/api_world.h"
#include "store/audit.h"
#include "store/policies.h"

using namespace halton;
using namespace halton::test;

namespace {

void add_budget(ApiWorld& world, const std::string& name, std::int64_t nanousd) {
    meter::Policy policy;
    policy.name = name;
    policy.kind = meter::PolicyKind::budget;
    policy.action = meter::PolicyAction::warn;
    policy.limit = NanoUsd{nanousd};
    policy.period = meter::BudgetPeriod::month;
    policy.provider = "anthropic";
    REQUIRE(store::add_policy(world.sources.database, policy));
}

}  // namespace

TEST_CASE("policy routes: none yet") {
    ApiWorld world;
    CHECK(texts_of(world.get("/v1/policies")["items"], "name").empty());
    CHECK(texts_of(world.get("/v1/policies")["problems"], "").empty());
    const auto budgets = world.get("/v1/budgets");
    CHECK(texts_of(budgets["items"], "name").empty());
    CHECK(number_at(budgets["forecast"]["spent_usd_minor_units"]) == 0);
    CHECK(number_at(world.get("/v1/audit")["total"]) == 0);
}

TEST_CASE("policy routes: policies and budgets, field by field") {
    ApiWorld world;
    add_budget(world, "month's end", 10'000'000'000);
    auto call = world.call(1, "2026-11-20T00:00:00Z");
    call.cost = NanoUsd{9'000'000'000};
    world.write({call});
    const auto policy = element(world.get("/v1/policies")["items"], 0);
    CHECK(text_at(policy["name"]) == "month's end");
    const auto id = text_at(policy["id"]);
    CHECK(text_at(policy["kind"]) == "budget");
    CHECK(text_at(policy["action"]) == "warn");
    CHECK(policy["enabled"].as_bool() == true);
    CHECK(text_at(policy["provider"]) == "anthropic");
    CHECK(policy["project"].is_null());
    CHECK(number_at(policy["limit_usd_minor_units"]) == 1'000'000);
    CHECK(number_at(policy["limit_nanousd"]) == 10'000'000'000);
    CHECK(text_at(policy["period"]) == "month");

    const auto budget = element(world.get("/v1/budgets")["items"], 0);
    CHECK(text_at(budget["policy_id"]) == id);
    CHECK(number_at(budget["spent_usd_minor_units"]) == 900'000);
    CHECK(number_at(budget["percent"]) == 90);
    CHECK(text_at(budget["state"]) == "near");
    CHECK(text_at(budget["period_start"]) == "2026-11-01T00:00:00.000000Z");
    CHECK(text_at(budget["period_end"]) == "2026-12-01T00:00:00.000000Z");
    CHECK(number_at(budget["forecast_usd_minor_units"]) > 900'000);
    CHECK(number_at(budget["requests"]) == 1);
}

TEST_CASE("policy routes: the audit, page by page") {
    ApiWorld world;
    for (int i = 0; i < 5; ++i) add_budget(world, "budget " + std::to_string(i), 1'000'000'000);
    store::AuditEvent event;
    event.type = "strange.word";
    event.detail = "no JSON";
    REQUIRE(store::append_audit(world.sources.database, std::span(&event, 1)));
    auto page = world.get("/v1/audit?limit=4");
    CHECK(number_at(page["total"]) == 6);
    CHECK(texts_of(page["items"], "event_type").front() == "strange.word");
    CHECK(text_at(element(page["items"], 0)["detail"]) == "no JSON");
    CHECK(element(page["items"], 1)["detail"].is_object());
    const auto cursor = text_at(page["next_cursor"]);
    page = world.get("/v1/audit?limit=4&cursor=" + cursor);
    CHECK(texts_of(page["items"], "event_type").size() == 2);
    CHECK(page["next_cursor"].is_null());
    CHECK(number_at(world.get("/v1/audit?type=policy.")["total"]) == 5);
    CHECK(number_at(world.get("/v1/audit?since=2100-01-01")["total"]) == 0);
    CHECK(world.status("/v1/audit?cursor=x") == 422);
    CHECK(world.status("/v1/audit?cursor=99999999999999999999") == 422);
}
