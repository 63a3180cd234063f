#include "meter/policy_book.h"

#include <random>

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

const UtcTime start = *parse_iso8601("2026-11-21T10:00:00Z");

struct World {
    World() : book([this](Happening happening) { told.push_back(std::move(happening)); }) {}

    Policy rule(std::string model, PolicyAction action) {
        Policy policy;
        policy.id = ++policy_count;
        policy.name = "p" + std::to_string(policy.id);
        policy.model = std::move(model);
        policy.action = action;
        return policy;
    }
    Policy budget(std::int64_t limit, PolicyAction action = PolicyAction::warn) {
        auto policy = rule({}, action);
        policy.kind = PolicyKind::budget;
        policy.limit = NanoUsd{limit};
        policy.period = BudgetPeriod::day;
        return policy;
    }
    CallRecord call(std::int64_t cost, UtcTime at = start) {
        CallRecord call;
        call.id = "call-" + std::to_string(++call_count);
        call.requested_at = at;
        call.provider = "anthropic";
        call.requested_model = "claude-opus-4-1";
        call.model = "claude-opus-4-1-20250805";
        call.project_slug = "shop";
        call.client.tool = "claude-code";
        call.cost = NanoUsd{cost};
        return call;
    }
    bool is_blocked(UtcTime at = start) {
        return book.judge({"shop", "anthropic", "claude-opus-4-1", "", "claude-code"}, at)
                   .blocked_by != nullptr;
    }
    void load(std::vector<Policy> policies, std::vector<NanoUsd> spent = {},
              std::vector<std::string> included = {}, UtcTime at = start) {
        spent.resize(policies.size());
        book.load(std::move(policies), spent, included, at);
    }

    std::vector<Happening> told;
    PolicyBook book;
    std::int64_t policy_count = 0;
    int call_count = 0;
};

}  // namespace

TEST_CASE("policy book: nothing is loaded, nothing matches") {
    World world;
    CHECK_FALSE(world.is_blocked());
    world.book.note_finished(world.call(100));
    CHECK(world.told.empty());
    world.load({world.rule("*", PolicyAction::block)});
    CHECK(world.is_blocked());
    CHECK(world.book.may_block("shop", "anthropic"));
    world.book.fail();
    CHECK_FALSE(world.is_blocked());
    CHECK_FALSE(world.book.may_block("shop", "anthropic"));
    CHECK(world.book.counts().failures == 1);
}

TEST_CASE("policy book: spend is the database's sum and what it has not included") {
    World world;
    const auto budget = world.budget(1000, PolicyAction::block);
    const auto first = world.call(400);
    world.book.note_finished(first);  // before anything is loaded
    world.load({budget}, {NanoUsd{300}});
    CHECK_FALSE(world.is_blocked());
    const auto second = world.call(299);
    world.book.note_finished(second);
    CHECK_FALSE(world.is_blocked());  // 999
    const auto third = world.call(1);
    world.book.note_finished(third);
    CHECK(world.is_blocked());
    // The next sum includes two of them: still 1000.
    world.load({budget}, {NanoUsd{999}}, {first.id, second.id});
    CHECK(world.is_blocked());
    CHECK(world.book.pending_calls() == std::vector<std::string>{third.id});
    // Somebody re-priced.
    world.load({budget}, {NanoUsd{10}}, {third.id});
    CHECK_FALSE(world.is_blocked());
}

TEST_CASE("policy book: random calls and loads, equal to the plain sum") {
    World world;
    std::mt19937 random(3);
    const auto budget = world.budget(1'000'000'000);
    std::vector<CallRecord> all;
    std::set<std::string> in_database;
    std::int64_t sum = 0;
    for (int i = 0; i < 2000; ++i) {
        auto call = world.call(static_cast<std::int64_t>(random() % 5000));
        sum += call.cost->value;
        world.book.note_finished(call);
        all.push_back(call);
        if (random() % 10 != 0) continue;
        // Those before some point are rows.
        const auto count = random() % (all.size() + 1);
        for (std::size_t k = 0; k < count; ++k) in_database.insert(all[k].id);
        std::int64_t base = 0;
        for (const auto& known : all)
            if (in_database.contains(known.id)) base += known.cost->value;
        std::vector<std::string> included;
        for (const auto& id : world.book.pending_calls())
            if (in_database.contains(id)) included.push_back(id);
        world.load({budget}, {NanoUsd{base}}, included);
        auto exact = budget;
        exact.limit = NanoUsd{sum + 1};
        exact.action = PolicyAction::block;
        world.load({exact}, {NanoUsd{base}});
        REQUIRE_FALSE(world.is_blocked());
        exact.limit = NanoUsd{std::max<std::int64_t>(sum, 1)};
        world.load({exact}, {NanoUsd{base}});
        REQUIRE(world.is_blocked());
    }
}

TEST_CASE(
    "policy book: a new period begins at nothing, and a clock that jumps back forgets nothing") {
    World world;
    world.load({world.budget(100, PolicyAction::block)}, {NanoUsd{100}});
    CHECK(world.is_blocked());
    const auto tomorrow = start + std::chrono::hours(24);
    CHECK_FALSE(world.is_blocked(tomorrow));
    // A call that began yesterday and ends today is yesterday's.
    world.book.note_finished(world.call(100));
    CHECK_FALSE(world.is_blocked(tomorrow));
    world.book.note_finished(world.call(100, tomorrow));
    CHECK(world.is_blocked(tomorrow));
    CHECK(world.is_blocked(start));
}

TEST_CASE("policy book: thresholds are told once in a period") {
    World world;
    const auto budget = world.budget(1000);
    world.load({budget});
    std::vector<int> marks;
    for (int i = 0; i < 15; ++i) world.book.note_finished(world.call(100));
    for (const auto& happening : world.told) marks.push_back(happening.percent);
    CHECK(marks == std::vector<int>{50, 80, 100});
    CHECK(world.told[0].kind == Happening::Kind::threshold);
    CHECK(world.told[2].kind == Happening::Kind::matched);
    CHECK(world.told[2].spent == NanoUsd{1000});
    // The same budget again, and the same sums: known.
    world.load({budget}, {NanoUsd{1500}}, world.book.pending_calls());
    CHECK(world.told.size() == 3);
    // A higher limit, of which three quarters are spent.
    auto higher = budget;
    higher.limit = NanoUsd{2000};
    world.load({higher}, {NanoUsd{1500}});
    REQUIRE(world.told.size() == 4);
    CHECK(world.told[3].percent == 50);
    // All at once: the highest alone.
    world.load({higher}, {}, {}, start + std::chrono::hours(24));
    world.book.note_finished(world.call(5000, start + std::chrono::hours(24)));
    REQUIRE(world.told.size() == 5);
    CHECK(world.told[4].percent == 100);
}

TEST_CASE("policy book: a rule is told once an hour and project, with the number of calls") {
    World world;
    world.load(
        {world.rule("claude-*", PolicyAction::log), world.rule("gpt-*", PolicyAction::warn)});
    for (int i = 0; i < 10; ++i) world.book.note_finished(world.call(1));
    REQUIRE(world.told.size() == 1);
    CHECK(world.told[0].call_count == 1);
    auto other = world.call(1);
    other.project_slug = "blog";
    world.book.note_finished(other);
    CHECK(world.told.size() == 2);
    world.book.note_finished(world.call(1, start + std::chrono::hours(1)));
    REQUIRE(world.told.size() == 3);
    CHECK(world.told[2].call_count == 10);
    // What costs nothing at all is no call that anybody wants to hear of.
    auto free = world.call(0, start + std::chrono::hours(3));
    free.billing = BillingMode::free;
    world.book.note_finished(free);
    CHECK(world.told.size() == 3);
}

TEST_CASE("policy book: blocked calls are told up to a rate, the rest as a number") {
    World world;
    const auto rule = world.rule("*", PolicyAction::block);
    world.load({rule});
    for (int i = 0; i < 100; ++i) world.book.note_blocked(world.call(0), rule);
    CHECK(world.told.size() == 60);
    CHECK(world.book.counts().blocked == 100);
    world.book.note_blocked(world.call(0, start + std::chrono::hours(1)), rule);
    REQUIRE(world.told.size() == 61);
    CHECK(world.told.back().call_count == 41);
    CHECK(world.told.back().request_id == "call-101");
}

TEST_CASE("policy book: what a block could not stop is told as that") {
    World world;
    world.load({world.rule("claude-*", PolicyAction::block)});
    world.book.note_finished(world.call(1));
    REQUIRE(world.told.size() == 1);
    CHECK(world.told[0].is_let_through);
    CHECK(to_sentence(world.told[0]).find("could not be blocked") != std::string::npos);
}

TEST_CASE("policy book: generations tell when policies change, not when sums do") {
    World world;
    const auto rule = world.rule("*", PolicyAction::block);
    world.load({rule});
    const auto before = world.book.generation();
    world.load({rule}, {NanoUsd{5}});
    CHECK(world.book.generation() == before);
    world.load({});
    CHECK(world.book.generation() == before + 1);
}

TEST_CASE("policy book: memory is bounded") {
    World world;
    world.load({world.rule("*", PolicyAction::log)});
    for (int i = 0; i < 6000; ++i) {
        auto call = world.call(1);
        call.project_slug = "p" + std::to_string(i);
        world.book.note_finished(call);
    }
    CHECK(world.book.pending_calls().size() == 4096);
}

TEST_CASE("policy book: details are JSON with names and numbers") {
    World world;
    world.load({world.budget(1000), world.rule("claude-*", PolicyAction::log)});
    world.book.note_finished(world.call(900));
    REQUIRE(world.told.size() == 2);
    JsonParser parser;
    for (const auto& happening : world.told) {
        const auto json = parser.parse(to_detail(happening));
        REQUIRE(json);
        CHECK((*json)["policy"].is_string());
        CHECK((*json)["message"].is_string());
        if (happening.policy.kind == PolicyKind::budget) {
            CHECK((*json)["spent_nanousd"].as_integer() == 900);
            CHECK((*json)["limit_nanousd"].as_integer() == 1000);
            CHECK((*json)["percent"].as_integer() == 80);
            CHECK((*json)["period_start"].as_string() == "2026-11-21T00:00:00.000000Z");
        } else {
            CHECK((*json)["model"].as_string() == "claude-opus-4-1");
            CHECK((*json)["calls"].as_integer() == 1);
        }
    }
}
