#include "meter/policy.h"

#include <array>
#include <random>

#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

UtcTime at(const char* text) { return *parse_iso8601(text); }

Policy make_rule(std::string model, PolicyAction action = PolicyAction::log) {
    static std::int64_t id = 0;
    Policy policy;
    policy.id = ++id;
    policy.name = "rule " + std::to_string(id);
    policy.model = std::move(model);
    policy.action = action;
    return policy;
}

Policy make_budget(std::int64_t limit, PolicyAction action) {
    auto policy = make_rule({}, action);
    policy.kind = PolicyKind::budget;
    policy.limit = NanoUsd{limit};
    return policy;
}

CallFacts shop_call() {
    return {"shop", "anthropic", "claude-opus-4-1", "claude-opus-4-1-20250805", "claude-code"};
}

}  // namespace

TEST_CASE("policy: words and their values") {
    for (const auto word : {"log", "warn", "block"})
        CHECK(name_of(*parse_policy_action(word)) == word);
    for (const auto word : {"model_rule", "budget"})
        CHECK(name_of(*parse_policy_kind(word)) == word);
    for (const auto word : {"day", "week", "month"})
        CHECK(name_of(*parse_budget_period(word)) == word);
    for (const auto word : {"", "Block", "year", "deny", "budget "}) {
        CHECK_FALSE(parse_policy_action(word));
        CHECK_FALSE(parse_policy_kind(word));
        CHECK_FALSE(parse_budget_period(word));
    }
}

TEST_CASE("policy: globs") {
    const std::array<std::tuple<const char*, const char*, bool>, 18> rows{{
        {"claude-opus-*", "claude-opus-4-1", true},
        {"claude-opus-*", "claude-opus", false},
        {"*opus*", "claude-opus-4-1", true},
        {"CLAUDE-*", "claude-x", true},
        {"gpt-4?", "gpt-4o", true},
        {"gpt-4?", "gpt-4", false},
        {"gpt-4?", "gpt-4oo", false},
        {"*", "", true},
        {"", "", true},
        {"", "x", false},
        {"a*b*c", "a-b-b-c", true},
        {"a*b*c", "a-c-b", false},
        {"*-latest", "gpt-latest-latest", true},
        {"**", "anything", true},
        {"[ab]", "a", false},
        {"[ab]", "[ab]", true},
        {"us.anthropic.*:0", "us.anthropic.claude-v1:0", true},
        {"?", "", false},
    }};
    for (const auto& [pattern, text, wanted] : rows) {
        INFO(pattern << " on " << text);
        CHECK(matches_glob(pattern, text) == wanted);
    }
    // Many stars stay quick: a naive matcher would take the age of the universe.
    std::string stars;
    for (int i = 0; i < 60; ++i) stars += "*a";
    CHECK_FALSE(matches_glob(stars + "b", std::string(100, 'a')));
}

TEST_CASE("policy: whom it concerns") {
    auto policy = make_rule("claude-opus-*");
    CHECK(fit(policy, shop_call()) == Fit::yes);
    auto unknown = shop_call();
    unknown.is_model_known = false;
    CHECK(fit(policy, unknown) == Fit::needs_model);
    policy.provider = "openai";
    std::string why;
    // What is sure without the model needs no model.
    CHECK(fit(policy, unknown, &why) == Fit::no);
    CHECK(why.find("openai") != std::string::npos);
    CHECK(why.find("anthropic") != std::string::npos);
    policy.provider = "anthropic";
    policy.project = "other";
    policy.old_projects = {"shop"};
    CHECK(fit(policy, shop_call()) == Fit::yes);
    policy.old_projects.clear();
    CHECK(fit(policy, shop_call()) == Fit::no);
    policy.project = "shop";
    policy.tool = "codex";
    CHECK(fit(policy, shop_call()) == Fit::no);
    policy.tool = "claude-code";
    policy.is_enabled = false;
    CHECK(fit(policy, shop_call()) == Fit::no);
    policy.is_enabled = true;
    // The dated name of the answer counts as well as the alias that was asked for.
    policy.model = "*20250805";
    CHECK(fit(policy, shop_call()) == Fit::yes);
}

TEST_CASE("policy: what a subscription covers is no spend unless it is asked for") {
    auto budget = make_budget(100, PolicyAction::block);
    auto facts = shop_call();
    facts.is_plan = true;
    CHECK(fit(budget, facts) == Fit::no);
    budget.counts_plan = true;
    CHECK(fit(budget, facts) == Fit::yes);
    // A rule on models is no matter of money.
    CHECK(fit(make_rule("claude-*"), facts) == Fit::yes);
}

TEST_CASE("policy: order, and a block ends it") {
    std::vector<Policy> policies{make_rule("*"), make_rule("claude-*", PolicyAction::block),
                                 make_rule("*", PolicyAction::warn)};
    policies[2].priority = 5;
    policies[1].project = "shop";
    std::sort(policies.begin(), policies.end(), is_before);
    CHECK(policies[0].action == PolicyAction::warn);   // the lowest number
    CHECK(policies[1].action == PolicyAction::block);  // of one project
    const std::array<NanoUsd, 3> none{};
    const auto verdict = judge(policies, none, shop_call());
    REQUIRE(verdict.matched.size() == 2);
    CHECK(verdict.blocked_by == &policies[1]);
    const auto other = judge(policies, none, {"blog", "openai", "gpt-4o", "", "curl"});
    CHECK(other.matched.size() == 2);
    CHECK(other.blocked_by == nullptr);
}

TEST_CASE("policy: a budget matches from its limit on") {
    const std::vector<Policy> policies{make_budget(100, PolicyAction::block)};
    for (const auto& [spent, is_blocked] : {std::pair{99, false}, {100, true}, {1000, true}}) {
        const std::array<NanoUsd, 1> sums{NanoUsd{spent}};
        CHECK((judge(policies, sums, shop_call()).blocked_by != nullptr) == is_blocked);
    }
    // No sum is known: nothing is blocked.
    CHECK(judge(policies, {}, shop_call()).blocked_by == nullptr);
}

TEST_CASE("policy: the model is only asked for where it decides") {
    auto facts = shop_call();
    facts.is_model_known = false;
    const std::array<NanoUsd, 2> none{};
    const std::vector<Policy> warns{make_rule("claude-*", PolicyAction::warn)};
    CHECK_FALSE(judge(warns, none, facts).needs_model);
    const std::vector<Policy> blocks{make_rule("claude-*", PolicyAction::block)};
    CHECK(judge(blocks, none, facts).needs_model);
    // A budget that is not reached asks nothing.
    std::vector<Policy> budgets{make_budget(100, PolicyAction::block)};
    budgets[0].model = "claude-*";
    CHECK_FALSE(judge(budgets, none, facts).needs_model);
    const std::array<NanoUsd, 1> reached{NanoUsd{100}};
    CHECK(judge(budgets, reached, facts).needs_model);
    // What blocks whatever the model is decides at once.
    std::vector<Policy> both{make_rule("claude-*", PolicyAction::block),
                             make_rule("", PolicyAction::block)};
    const auto verdict = judge(both, none, facts);
    CHECK(verdict.blocked_by == &both[1]);
    CHECK_FALSE(verdict.needs_model);
}

TEST_CASE("policy: which connections a block may concern") {
    std::vector<Policy> policies{make_rule("*", PolicyAction::warn)};
    CHECK_FALSE(may_block(policies, "", ""));
    policies.push_back(make_rule("*", PolicyAction::block));
    policies[1].project = "shop";
    policies[1].provider = "anthropic";
    CHECK(may_block(policies, "shop", "anthropic"));
    CHECK(may_block(policies, "", "anthropic"));
    CHECK(may_block(policies, "shop", ""));
    CHECK_FALSE(may_block(policies, "blog", "anthropic"));
    CHECK_FALSE(may_block(policies, "shop", "openai"));
    policies[1].is_enabled = false;
    CHECK_FALSE(may_block(policies, "shop", "anthropic"));
}

TEST_CASE("policy: periods are those of UTC, and a week begins on Monday") {
    using enum BudgetPeriod;
    const std::array<std::tuple<BudgetPeriod, const char*, const char*, const char*>, 7> rows{{
        {day, "2026-11-21T00:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"},
        {day, "2026-12-31T23:59:59.999999Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},
        {week, "2026-11-21T12:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
        {week, "2026-11-16T00:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
        {week, "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
        {month, "2028-02-29T10:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
        {month, "2026-12-31T10:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    }};
    for (const auto& [period, now, from, to] : rows) {
        INFO(now);
        CHECK(period_at(period, at(now)) == (Period{at(from), at(to)}));
    }
    // Each moment is in its own period, and the next one begins where it ends.
    std::mt19937_64 random(7);
    for (int i = 0; i < 2000; ++i) {
        const auto now = UtcTime(std::chrono::seconds(random() % 4'000'000'000));
        for (const auto period : {day, week, month}) {
            const auto found = period_at(period, now);
            REQUIRE(found.from <= now);
            REQUIRE(now < found.to);
            REQUIRE(period_at(period, found.to).from == found.to);
        }
    }
}

TEST_CASE("policy: the forecast is the pace so far") {
    const auto month = period_at(BudgetPeriod::month, at("2026-11-21T00:00:00Z"));
    CHECK(forecast(NanoUsd{10'000}, month, at("2026-11-16T00:00:00Z")) == NanoUsd{20'000});
    CHECK(forecast(NanoUsd{0}, month, at("2026-11-16T00:00:00Z")) == NanoUsd{0});
    // Too early to say.
    CHECK_FALSE(forecast(NanoUsd{10'000}, month, at("2026-11-01T10:00:00Z")));
    CHECK_FALSE(forecast(NanoUsd{10'000}, month, month.from));
    // Never below what is spent.
    CHECK(forecast(NanoUsd{10'000}, month, month.to) == NanoUsd{10'000});
    CHECK_FALSE(forecast(NanoUsd{INT64_MAX}, month, at("2026-11-16T00:00:00Z")));
}

TEST_CASE("policy: percent is rounded down and never overflows") {
    CHECK(percent_of(NanoUsd{799}, NanoUsd{1000}) == 79);
    CHECK(percent_of(NanoUsd{999'999'999'999}, NanoUsd{1'000'000'000'000}) == 99);
    CHECK(percent_of(NanoUsd{1000}, NanoUsd{1000}) == 100);
    CHECK(percent_of(NanoUsd{2500}, NanoUsd{1000}) == 250);
    CHECK(percent_of(NanoUsd{-5}, NanoUsd{1000}) == 0);
    CHECK(percent_of(NanoUsd{5}, NanoUsd{0}) == 100);
    CHECK(percent_of(NanoUsd{INT64_MAX}, NanoUsd{1}) == 1'000'000);
    CHECK(percent_of(NanoUsd{INT64_MAX - 1}, NanoUsd{INT64_MAX}) == 99);
}

TEST_CASE("policy: amounts are exact") {
    CHECK(parse_dollars("12.50") == NanoUsd{12'500'000'000});
    CHECK(parse_dollars("$0.000000001") == NanoUsd{1});
    CHECK(parse_dollars(" 100 ") == NanoUsd{100'000'000'000});
    CHECK(parse_dollars("1000000000") == NanoUsd{1'000'000'000'000'000'000});
    for (const auto text : {"", "$", "0", "0.0", "-5", "1e3", "1.", ".5", "1.0000000001", "1,000",
                            "12.5 USD", "1000000001", "99999999999999999999", "1.2.3", "NaN"}) {
        INFO(text);
        CHECK_FALSE(parse_dollars(text));
    }
}

TEST_CASE("policy: the scope in words") {
    auto policy = make_rule("");
    CHECK(to_scope_text(policy) == "all calls");
    policy.provider = "anthropic";
    policy.model = "claude-opus-*";
    policy.project = "shop";
    policy.tool = "claude-code";
    CHECK(to_scope_text(policy) == "anthropic claude-opus-* of shop by claude-code");
}
