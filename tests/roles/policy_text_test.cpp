#include "roles/policy_text.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::roles;
using meter::Policy;
using meter::PolicyAction;
using meter::PolicyKind;

namespace {

Policy rule() {
    Policy policy;
    policy.id = 1;
    policy.name = "no opus";
    policy.model = "claude-opus-*";
    policy.provider = "anthropic";
    policy.action = PolicyAction::block;
    policy.created_at = "2026-11-21T01:02:03.000000Z";
    return policy;
}

Policy budget() {
    Policy policy;
    policy.id = 2;
    policy.name = "team\x1b";
    policy.kind = PolicyKind::budget;
    policy.action = PolicyAction::warn;
    policy.limit = NanoUsd{100'000'000'000};
    policy.project = "shop";
    policy.counts_plan = true;
    policy.is_enabled = false;
    return policy;
}

store::BudgetStatus status(std::int64_t spent, PolicyAction action, std::string_view state) {
    store::BudgetStatus status;
    status.policy = budget();
    status.policy.name = "team";
    status.policy.is_enabled = true;
    status.policy.action = action;
    status.period =
        meter::period_at(meter::BudgetPeriod::month, *parse_iso8601("2026-11-21T00:00:00Z"));
    status.spend.spent = NanoUsd{spent};
    status.spend.unpriced_requests = 2;
    status.forecast = NanoUsd{120'000'000'000};
    status.percent = meter::percent_of(status.spend.spent, status.policy.limit);
    status.state = state;
    return status;
}

}  // namespace

TEST_CASE("policy text: the list, and what is ignored in it") {
    const store::PolicyTable table{{rule(), budget()},
                                   {"policy 7 'x' is ignored: its kind is unknown"}};
    const auto text = to_policies_text(table, 0);
    CHECK(text ==
          "  policy   action  limit                                whose calls              "
          "priority  state  id\n"
          "  no opus  block   each call                            anthropic claude-opus-*       "
          "100  on      1\n"
          "  team?    warn    $100.00 a month, with subscriptions  of shop                       "
          "100  off     2\n"
          "! policy 7 'x' is ignored: its kind is unknown\n");
    CHECK(to_policies_text({}, 0).find("policy add") != std::string::npos);
    JsonParser parser;
    const auto json = parser.parse(to_policies_json(table));
    REQUIRE(json);
    int count = 0;
    (*json)["items"].for_each_element([&](JsonView item) {
        ++count;
        if (count == 1) CHECK(item["project"].is_null());
        if (count == 2) CHECK(item["limit_nanousd"].as_integer() == 100'000'000'000);
        if (count == 2) CHECK(item["limit_usd_minor_units"].as_integer() == 10'000'000);
    });
    CHECK(count == 2);
    CHECK(to_policy_text(rule()).find("anthropic claude-opus-*") != std::string::npos);
    CHECK((*parser.parse(to_policy_json(budget())))["counts_plan"].as_bool() == true);
}

TEST_CASE("policy text: a call put to the test") {
    auto later = rule();
    later.id = 3;
    later.name = "later";
    later.model = "";
    auto limit = budget();
    limit.is_enabled = true;
    limit.counts_plan = false;
    const std::vector<Policy> policies{limit, rule(), later};
    const std::vector<NanoUsd> spent{NanoUsd{50'000'000'000}, {}, {}};
    const store::CallScope call{"shop", "anthropic", "claude-opus-4-1", "", "claude-code", false};
    const auto test = test_policies(policies, spent, call);
    REQUIRE(test.answers.size() == 3);
    CHECK_FALSE(test.answers[0].is_match);
    CHECK(test.answers[0].why == "$50.00 of $100.00 are spent");
    CHECK(test.answers[1].is_match);
    CHECK(test.answers[1].is_asked);
    CHECK(test.answers[2].is_match);
    CHECK_FALSE(test.answers[2].is_asked);
    CHECK(test.blocked_by == "no opus");
    CHECK(to_test_text(test).find("It is blocked by 'no opus'.") != std::string::npos);
    JsonParser parser;
    CHECK((*parser.parse(to_test_json(test)))["blocked_by"].as_string() == "no opus");
    const auto other = test_policies({rule()}, {{}}, {"shop", "openai", "gpt-4o", "", "", false});
    CHECK(other.blocked_by.empty());
    CHECK(to_test_text(other).find("It passes.") != std::string::npos);
    CHECK(to_test_text(other).find("it is for provider anthropic, the call has openai") !=
          std::string::npos);
    // The engine and the explanation agree.
    const auto verdict = meter::judge(policies, spent, call.facts());
    CHECK(verdict.blocked_by->name == test.blocked_by);
}

TEST_CASE("policy text: budgets and their exit codes") {
    const auto under = status(20'000'000'000, PolicyAction::block, "ok");
    const auto over = status(100'000'000'000, PolicyAction::warn, "over");
    const auto blocking = status(100'000'000'000, PolicyAction::block, "over");
    CHECK(to_budget_exit_code({}) == 0);
    CHECK(to_budget_exit_code({under}) == 0);
    CHECK(to_budget_exit_code({under, over}) == 3);
    CHECK(to_budget_exit_code({blocking, over}) == 4);
    const auto text = to_budgets_text({under}, std::nullopt, 0);
    CHECK(text ==
          "  budget  state   spent  limit                                used  at this pace  "
          "resets (UTC)      action  whose calls\n"
          "  team    ok     $20.00  $100.00 a month, with subscriptions  20 %       $120.00  "
          "2026-12-01 00:00  block   of shop\n"
          "Calls without a known price count nothing here; to see them: halton-meter report\n");
    JsonParser parser;
    const store::MonthForecast month{under.period, under.spend, std::nullopt};
    const auto json = parser.parse(to_budgets_json({over}, month));
    REQUIRE(json);
    CHECK((*json)["exit_code"].as_integer() == 3);
    CHECK((*json)["forecast"]["spent_nanousd"].as_integer() == 20'000'000'000);
    CHECK((*json)["forecast"]["forecast_nanousd"].is_null());
    (*json)["items"].for_each_element([&](JsonView item) {
        CHECK(item["percent"].as_integer() == 100);
        CHECK(item["period_end"].as_string() == "2026-12-01T00:00:00.000000Z");
        CHECK(item["forecast_usd_minor_units"].as_integer() == 12'000'000);
    });
    CHECK(to_budgets_text({}, month, 0).find("All calls this month: $20.00.") != std::string::npos);
}

TEST_CASE("policy text: the audit, whatever stands in it") {
    store::AuditPage page;
    store::AuditEvent event;
    event.id = 9;
    event.occurred_at = "2026-11-21T01:02:03.000000Z";
    event.type = "policy.blocked";
    event.actor = "daemon";
    event.project = "shop";
    event.detail = R"({"policy":"no opus","message":"policy 'no opus' has blocked a call"})";
    page.events.push_back(event);
    event.detail = R"({"from":"a","to":"b","count":3,"odd":{"x":1}})";
    page.events.push_back(event);
    event.detail = "not json \x1b[31m";
    event.type = "\x1b]0;title\x07";
    page.events.push_back(event);
    page.total = 12;
    page.has_more = true;
    const auto text = to_audit_text(page, 0);
    CHECK(text.find("policy 'no opus' has blocked a call") != std::string::npos);
    CHECK(text.find("from a, to b, count 3") != std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("12 in all") != std::string::npos);
    JsonParser parser;
    const auto json = parser.parse(to_audit_json(page));
    REQUIRE(json);
    int count = 0;
    (*json)["items"].for_each_element([&](JsonView item) {
        ++count;
        if (count == 3)
            CHECK(item["detail"].is_null());
        else
            CHECK(item["detail"].is_object());
    });
    CHECK(count == 3);
    CHECK(to_audit_text({}, 0) == "No event.\n");
}
