#include "store/policies.h"

#include <random>

#include "store/audit.h"
#include "store/calls.h"
#include "store/projects.h"
#include "store/row_writer.h"
#include "store/schema.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::store;
using meter::Policy;
using meter::PolicyAction;
using meter::PolicyKind;
using test::make_call;

namespace {

// The time of make_call's calls.
const UtcTime now = UtcTime(std::chrono::seconds(1'800'000'000));

struct World {
    World() : file(folder / "db.sqlite"), writer(file) {}

    void add(const meter::CallRecord& call) {
        writer.begin();
        writer.write(call);
        writer.commit();
    }
    meter::CallRecord make(std::int64_t cost, const std::string& project = "shop") {
        auto call = make_call(++number);
        call.project_slug = project;
        call.cost = NanoUsd{cost};
        call.client.tool = "claude-code";
        add(call);
        return call;
    }
    Policy add_budget(const std::string& name, std::int64_t limit,
                      PolicyAction action = PolicyAction::warn, const std::string& project = {}) {
        Policy policy;
        policy.name = name;
        policy.kind = PolicyKind::budget;
        policy.limit = NanoUsd{limit};
        policy.action = action;
        policy.project = project;
        const auto made = add_policy(file, policy);
        REQUIRE(made);
        return *made;
    }
    std::vector<Policy> policies() {
        const auto table = read_policies(file);
        REQUIRE(table);
        CHECK(table->complaints.empty());
        return table->policies;
    }
    void execute(const std::string& sql) {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, 5000);
        database.exec(sql);
    }

    const test::TempDirectory folder;
    const std::filesystem::path file;
    RowWriter writer;
    std::uint64_t number = 0;
};

}  // namespace

TEST_CASE("policies: added, shown, disabled, removed; each leaves its event") {
    World world;
    Policy rule;
    rule.name = "no opus";
    rule.model = "claude-opus-*";
    rule.action = PolicyAction::block;
    rule.project = "shop";
    rule.tool = "codex";
    rule.provider = "anthropic";
    rule.priority = 7;
    const auto made = add_policy(world.file, rule);
    REQUIRE(made);
    CHECK(made->id > 0);
    CHECK(made->project == "shop");  // made with it
    CHECK(made->is_enabled);
    const auto all = world.policies();
    REQUIRE(all.size() == 1);
    CHECK(all[0].model == "claude-opus-*");
    CHECK(all[0].tool == "codex");
    CHECK(all[0].priority == 7);
    CHECK(all[0].action == PolicyAction::block);

    const auto again = add_policy(world.file, rule);
    REQUIRE_FALSE(again);
    CHECK(again.error().kind == ErrorKind::permission);

    REQUIRE(enable_policy(world.file, "no opus", false));
    CHECK_FALSE(find_policy(world.file, std::to_string(made->id))->is_enabled);
    REQUIRE(enable_policy(world.file, "no opus", false));  // as it was: no second event
    const auto removed = remove_policy(world.file, "no opus");
    REQUIRE(removed);
    CHECK(removed->model == "claude-opus-*");
    CHECK_FALSE(remove_policy(world.file, "no opus"));
    CHECK(world.policies().empty());
    std::vector<std::string> types;
    const auto page = read_audit(world.file, {});
    for (const auto& event : page->events) types.push_back(event.type);
    CHECK(types == std::vector<std::string>{"policy.removed", "policy.changed", "policy.created"});
    CHECK(page->events[0].project == "shop");
    CHECK(page->events[0].detail.find("claude-opus-*") != std::string::npos);
}

TEST_CASE("policies: what makes no policy is said") {
    World world;
    const auto refuse = [&](Policy policy) {
        const auto made = add_policy(world.file, std::move(policy));
        REQUIRE_FALSE(made);
        CHECK(made.error().kind == ErrorKind::malformed);
    };
    refuse({.name = ""});
    refuse({.name = "17"});
    refuse({.name = std::string(65, 'x')});
    refuse({.name = "a\nb"});
    refuse({.name = "x", .project = "not a slug!"});
    refuse({.name = "x", .model = std::string(129, '*')});
    refuse({.name = "x", .provider = "a\x1b[31m"});
    refuse({.name = "x", .kind = PolicyKind::budget});
    CHECK(world.policies().empty());
}

TEST_CASE("policies: rows that make no sense are left out, each with a complaint") {
    World world;
    world.add_budget("good", 1000);
    const std::vector<std::string> odd{
        "'a', 'x', 'later', 'log', NULL, NULL",            // an unknown kind
        "'b', 'x', 'budget', 'explode', 5, 'day'",         // an unknown action
        "'c', 'x', 'budget', 'log', -5, 'day'",            // no amount
        "'d', 'x', 'budget', 'log', 'much', 'day'",        //
        "'e', 'x', 'budget', 'log', 5, 'year'",            // an unknown period
        "x'ff00', 'x', 'budget', 'log', 5, 'day'",         // a name of bytes
        "'g', 'x', NULL, 'log', 5, 'day'",                 // of the first schema
        "'h' || char(10), 'x', 'budget', 'log', 5, 'day'"  // a line in a name
    };
    for (const auto& values : odd)
        world.execute(
            "INSERT INTO policies (name, rule, kind, action, limit_nanousd, period, "
            "created_at) VALUES (" +
            values + ", '')");
    world.execute("UPDATE policies SET provider = x'80' WHERE name = 'g'");
    const auto table = read_policies(world.file);
    REQUIRE(table);
    REQUIRE(table->policies.size() == 1);
    CHECK(table->policies[0].name == "good");
    CHECK(table->complaints.size() == odd.size());
    for (const auto& complaint : table->complaints) {
        CHECK(complaint.find("is ignored") != std::string::npos);
        CHECK(complaint.find('\n') == std::string::npos);
    }
    CHECK(read_budgets(world.file, now)->size() == 1);
    // They can be taken away.
    CHECK(remove_policy(world.file, "a"));
    CHECK(read_policies(world.file)->complaints.size() == odd.size() - 1);
}

TEST_CASE("policies: a policy whose project is gone is not one for all projects") {
    World world;
    world.add_budget("of shop", 1000, PolicyAction::block, "shop");
    world.execute("PRAGMA foreign_keys = OFF; UPDATE policies SET project_id = 4711");
    const auto table = read_policies(world.file);
    CHECK(table->policies.empty());
    CHECK(table->complaints.size() == 1);
}

TEST_CASE("policies: random tables never stop the reader") {
    World world;
    std::mt19937 random(5);
    const std::vector<std::string> values{"NULL",
                                          "''",
                                          "'budget'",
                                          "'model_rule'",
                                          "'block'",
                                          "'*'",
                                          "0",
                                          "-1",
                                          "9223372036854775807",
                                          "1e300",
                                          "x'00'",
                                          "x'c3'",
                                          "'month'",
                                          "'\"'",
                                          "randomblob(300)"};
    const auto pick = [&] { return values[random() % values.size()]; };
    for (int i = 0; i < 300; ++i) {
        try {
            world.execute(
                "INSERT INTO policies (name, rule, action, enabled, created_at, kind, "
                "provider, model, tool, limit_nanousd, period, counts_plan, priority, "
                "updated_at) VALUES (" +
                std::to_string(i) + " || " + pick() + "," + pick() + "," + pick() + "," + pick() +
                "," + pick() + "," + pick() + "," + pick() + "," + pick() + "," + pick() + "," +
                pick() + "," + pick() + "," + pick() + "," + pick() + "," + pick() + ")");
        } catch (const SQLite::Exception&) {
            // NOT NULL and UNIQUE keep some out.
        }
    }
    const auto table = read_policies(world.file);
    REQUIRE(table);
    CHECK(table->policies.size() + table->complaints.size() > 20);
    REQUIRE(read_spend(world.file, table->policies, now));
    REQUIRE(read_budgets(world.file, now));
}

TEST_CASE("policies: a table that is not ours is an error, no crash") {
    World world;
    world.execute("DROP TABLE policies; CREATE TABLE policies (x)");
    CHECK_FALSE(read_policies(world.file));
    CHECK_FALSE(read_budgets(world.file, now));
    world.execute("DROP TABLE policies");
    CHECK_FALSE(read_policies(world.file));
    CHECK(read_policies(world.folder / "none").error().kind == ErrorKind::not_found);
}

TEST_CASE("policies: an older database has none, and cannot be written to") {
    test::TempDirectory folder;
    const auto file = folder / "db.sqlite";
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        migrate(database, migrations().first(1));
    }
    CHECK(read_policies(file)->policies.empty());
    CHECK(read_budgets(file, now)->empty());
    CHECK(read_month_forecast(file, now));
    CHECK(add_policy(file, {.name = "x"}).error().kind == ErrorKind::unsupported);
}

TEST_CASE("policies: spend by scope and period, without what a subscription covers") {
    World world;
    world.make(100);
    world.make(20, "blog");
    auto plan = make_call(++world.number);
    plan.billing = meter::BillingMode::plan;
    plan.cost = NanoUsd{5000};
    world.add(plan);
    auto unpriced = make_call(++world.number);
    unpriced.cost.reset();
    unpriced.model = "gpt-new";
    unpriced.provider = "openai";
    world.add(unpriced);
    auto old = make_call(++world.number);
    old.requested_at = now - std::chrono::hours(24 * 40);
    old.cost = NanoUsd{700'000};
    world.add(old);

    auto all = world.add_budget("all", 1000);
    auto shop = world.add_budget("shop", 1000, PolicyAction::warn, "shop");
    auto with_plan = all;
    with_plan.counts_plan = true;
    auto opus = all;
    opus.model = "claude-TEST-*";
    auto openai = all;
    openai.provider = "openai";
    auto tool = all;
    tool.tool = "claude-code";
    auto day = all;
    day.period = meter::BudgetPeriod::day;
    const std::vector<Policy> asked{all, shop, with_plan, opus, openai, tool, day};
    const auto read = read_spend(world.file, asked, now);
    REQUIRE(read);
    std::vector<std::int64_t> spent;
    for (const auto& spend : read->by_policy) spent.push_back(spend.spent.value);
    CHECK(spent == std::vector<std::int64_t>{120, 100, 5120, 120, 0, 120, 120});
    CHECK(read->by_policy[0].unpriced_requests == 1);
    CHECK(read->by_policy[0].requests == 3);
    CHECK(read_month_forecast(world.file, now)->spend.spent == NanoUsd{120});
}

TEST_CASE("policies: a renamed project keeps its policies and its calls") {
    World world;
    world.make(100);
    world.add_budget("of shop", 1000, PolicyAction::warn, "shop");
    REQUIRE(rename_project(world.file, "shop", "store"));
    const auto policies = world.policies();
    REQUIRE(policies.size() == 1);
    CHECK(policies[0].project == "store");
    CHECK(policies[0].old_projects == std::vector<std::string>{"shop"});
    CHECK(read_spend(world.file, policies, now)->by_policy[0].spent == NanoUsd{100});
    // A new one for the old slug is one for the project.
    CHECK(world.add_budget("again", 5, PolicyAction::log, "shop").project == "store");
}

TEST_CASE("policies: spend and the calls that it includes are of one moment") {
    World world;
    const auto call = world.make(100);
    const auto budget = world.add_budget("all", 1000);
    const std::vector<Policy> policies{budget};
    const auto read = read_spend(world.file, policies, now);
    REQUIRE(read);
    CHECK(read->by_policy[0].spent == NanoUsd{100});
    const auto later = world.make(50);
    const std::vector<std::string> ids{call.id, "not there", later.id};
    // The later one is a row by now, and was not one when the sum was made.
    CHECK(*find_calls(world.file, ids, read->newest_row) == std::vector<std::string>{call.id});
    const auto again = read_spend(world.file, policies, now);
    CHECK(find_calls(world.file, ids, again->newest_row)->size() == 2);
}

TEST_CASE("policies: the state of budgets") {
    World world;
    world.make(800);
    world.add_budget("under", 10'000);
    world.add_budget("near", 1'000);
    world.add_budget("over", 800, PolicyAction::block);
    world.add_budget("off", 1);
    REQUIRE(enable_policy(world.file, "off", false));
    const auto budgets = read_budgets(world.file, now);
    REQUIRE(budgets);
    REQUIRE(budgets->size() == 4);
    CHECK((*budgets)[0].state == "ok");
    CHECK((*budgets)[0].percent == 8);
    CHECK((*budgets)[1].state == "near");
    CHECK((*budgets)[2].state == "over");
    CHECK((*budgets)[3].state == "disabled");
    CHECK((*budgets)[0].period == meter::period_at(meter::BudgetPeriod::month, now));
    REQUIRE((*budgets)[0].forecast);
    CHECK((*budgets)[0].forecast->value > 800);
}

TEST_CASE("policies: people are told once, by whoever is first") {
    World world;
    const auto budget = world.add_budget("all", 1000);
    const auto month = meter::period_at(meter::BudgetPeriod::month, now);
    const auto next = meter::period_at(meter::BudgetPeriod::month, month.to);
    CHECK(*claim_notice(world.file, budget.id, month, 50));
    CHECK_FALSE(*claim_notice(world.file, budget.id, month, 50));
    CHECK(*claim_notice(world.file, budget.id, month, 80));
    CHECK(*claim_notice(world.file, budget.id, next, 50));
    CHECK_FALSE(*claim_notice(world.file, 4711, month, 50));
    REQUIRE(remove_policy(world.file, "all"));
    CHECK(test::query_number(world.file, "SELECT count(*) FROM budget_notices") == 0);
}

TEST_CASE("policies: the mark changes when somebody writes") {
    World world;
    const auto before = read_change_mark(world.file);
    CHECK(read_change_mark(world.file) == before);
    world.add_budget("all", 1000);
    CHECK_FALSE(read_change_mark(world.file) == before);
    CHECK(read_change_mark(world.folder / "none") == ChangeMark{});
}

TEST_CASE("policies: a recorded call as policies look at it") {
    World world;
    const auto call = world.make(5);
    const auto scope = read_call_scope(world.file, call.id);
    REQUIRE(scope);
    CHECK(scope->project == "shop");
    CHECK(scope->provider == "anthropic");
    CHECK(scope->answered_model == "claude-test-1");
    CHECK(scope->tool == "claude-code");
    CHECK_FALSE(scope->is_plan);
    CHECK(read_call_scope(world.file, "x' OR 1").error().kind == ErrorKind::not_found);
}

TEST_CASE("policies: sums of roll-ups and of rows are the same, whatever the calls") {
    World world;
    std::mt19937 random(9);
    for (int i = 0; i < 400; ++i) {
        auto call = make_call(++world.number);
        call.requested_at = now + std::chrono::hours(static_cast<int>(random() % 900) - 450);
        call.project_slug = random() % 2 ? "shop" : "blog";
        call.provider = random() % 2 ? "anthropic" : "openai";
        call.client.tool = random() % 2 ? "codex" : "";
        if (random() % 4 == 0) call.billing = meter::BillingMode::plan;
        call.cost = NanoUsd{static_cast<std::int64_t>(random() % 1'000'000)};
        if (random() % 9 == 0) call.cost.reset();
        world.add(call);
    }
    for (const auto period :
         {meter::BudgetPeriod::day, meter::BudgetPeriod::week, meter::BudgetPeriod::month})
        for (int scope = 0; scope < 16; ++scope) {
            Policy plain;
            plain.kind = PolicyKind::budget;
            plain.period = period;
            if (scope & 1) plain.project = "shop";
            if (scope & 2) plain.provider = "openai";
            if (scope & 4) plain.tool = "codex";
            plain.counts_plan = (scope & 8) != 0;
            auto by_row = plain;
            by_row.model = "*";
            const std::vector<Policy> both{plain, by_row};
            const auto read = read_spend(world.file, both, now);
            REQUIRE(read);
            CHECK(read->by_policy[0].spent == read->by_policy[1].spent);
            CHECK(read->by_policy[0].requests == read->by_policy[1].requests);
            CHECK(read->by_policy[0].unpriced_requests == read->by_policy[1].unpriced_requests);
        }
}
