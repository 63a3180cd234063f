#include "roles/statusline_text.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using roles::StatusFacts;

namespace {

const UtcTime now = parse_iso8601("2026-11-21T12:00:00Z").value();

store::PlanLimitRow make_limit(const char* name, std::int64_t minutes, double used, int left_min) {
    store::PlanLimitRow limit;
    limit.provider = "anthropic";
    limit.name = name;
    limit.window_minutes = minutes;
    limit.used_fraction = used;
    limit.resets_at = now + std::chrono::minutes(left_min);
    return limit;
}

StatusFacts make_facts() {
    StatusFacts facts;
    facts.now = now;
    facts.session_id = "s1";
    facts.session = store::UsageSums{};
    facts.session->requests = 3;
    facts.session->cost = NanoUsd{420'000'000};
    facts.today = store::UsageSums{};
    facts.today->requests = 10;
    facts.today->plan_requests = 4;
    facts.today->cost = NanoUsd{3'104'000'000};
    facts.today->plan_cost = NanoUsd{12'400'000'000};
    facts.limits = {make_limit("7d", 10'080, 0.81, 60 * 60), make_limit("5h", 300, 0.424, 130)};
    return facts;
}

}  // namespace

TEST_CASE("status line: session, today, limits") {
    auto facts = make_facts();
    CHECK(roles::to_statusline(facts, 0) ==
          "session $0.42 | today $3.10 + $12.40 plan | 5h 42% 2h10m | 7d 81% 2d12h");
    CHECK(roles::to_statusline(facts, 45) == "session $0.42 | today $3.10 + $12.40 plan");
    CHECK(roles::to_statusline(facts, 5) == "session $0.42");
    facts.session.reset();
    CHECK(roles::to_statusline(facts, 30) == "session not metered yet");
    facts.session_id.reset();
    facts.today->unpriced_requests = 2;
    CHECK(roles::to_statusline(facts, 32) == "today $3.10+? + $12.40 plan");
    facts.today->requests = facts.today->plan_requests;
    CHECK(roles::to_statusline(facts, 24) == "today $12.40 plan");
    facts.limits = {make_limit("5h", 300, 0.9, -1)};
    CHECK(roles::to_statusline(facts, 0) == "today $12.40 plan");
    facts.today = store::UsageSums{};
    CHECK(roles::to_statusline(facts, 0) == "today $0");
    facts.today.reset();
    CHECK(roles::to_statusline(facts, 0) == "halton-meter: busy");
    facts.has_database = false;
    CHECK(roles::to_statusline(facts, 0) == "halton-meter: no calls yet");
}

TEST_CASE("status line: the session of Claude Code's JSON, and of nothing else") {
    CHECK(roles::read_status_session(R"({"hook_event_name":"Status","session_id":"abc",
        "model":{"id":"claude-opus-4-1"},"cost":{"total_cost_usd":0.01}})") == "abc");
    for (const char* other : {"", "{", "[]", "{}", R"({"session_id":""})", R"({"session_id":7})"})
        CHECK_FALSE(roles::read_status_session(other));
    CHECK_FALSE(roles::read_status_session("{\"session_id\":\"" + std::string(200, 'x') + "\"}"));
}

TEST_CASE("status line: JSON") {
    const auto text = roles::to_statusline_json(make_facts());
    JsonParser parser;
    const auto json = parser.parse(text).value();
    CHECK(json["session"]["cost_nanousd"].as_integer() == 420'000'000);
    CHECK(json["today"]["plan_cost_nanousd"].as_integer() == 12'400'000'000);
    int count = 0;
    json["limits"].for_each_element([&](JsonView) { ++count; });
    CHECK(count == 2);
}
