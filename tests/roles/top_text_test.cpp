#include "roles/top_text.h"

#include "support/catch.h"

using namespace halton;
using roles::to_top_screen;
using roles::TopFacts;

namespace {

TopFacts make_facts(int call_count) {
    TopFacts facts;
    facts.now = parse_iso8601("2026-11-21T12:00:00Z").value();
    facts.zone_name = "UTC";
    facts.has_daemon = true;
    facts.running = 2;
    facts.today = store::UsageSums{};
    facts.today->requests = 5;
    facts.today->plan_requests = 2;
    facts.today->cost = NanoUsd{1'500'000'000};
    facts.today->plan_cost = NanoUsd{2'000'000'000};
    facts.today->error_requests = 1;
    store::PlanLimitRow limit;
    limit.name = "5h";
    limit.used_fraction = 0.42;
    facts.limits = {limit};
    store::UsageRow row;
    row.project = "shop";
    row.sums = *facts.today;
    facts.projects = {row};
    for (int i = 0; i < call_count; ++i) {
        store::LandedCall call;
        call.row = i + 1;
        call.requested_at = "2026-11-21T11:00:00.000000Z";
        call.model = "model-" + std::to_string(i);
        call.status = "success";
        facts.calls.push_back(call);
    }
    return facts;
}

std::string join(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + '\n';
    return text;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("top: every screen is filled and nothing leaves it") {
    for (const int columns : {20, 60, 100, 160})
        for (const int rows : {1, 2, 5, 10, 24, 60}) {
            INFO(columns << " x " << rows);
            const auto screen = to_top_screen(make_facts(100), columns, rows, 3);
            CHECK(screen.lines.size() == static_cast<std::size_t>(rows));
            if (columns < 60) continue;
            for (const auto& line : screen.lines)
                CHECK(line.size() <= static_cast<std::size_t>(columns));
        }
}

TEST_CASE("top: what it tells") {
    const auto text = join(to_top_screen(make_facts(3), 120, 24, 0).lines);
    CHECK(has(text, "halton-meter  12:00:00 UTC   metering, 2 calls running"));
    CHECK(has(text, "today  $1.50 in 3 calls   plan $2.00 in 2 calls   1 failed"));
    CHECK(has(text, "limits 5h [####------] 42%"));
    CHECK(has(text, "spent by  shop $1.50"));
    CHECK(text.find("model-2") < text.find("model-0"));
    auto facts = make_facts(0);
    facts.running.reset();
    CHECK(has(join(to_top_screen(facts, 100, 24, 0).lines), "   metering\n"));
    facts.has_daemon = false;
    facts.today.reset();
    const auto empty = join(to_top_screen(facts, 100, 24, 0).lines);
    CHECK(has(empty, "daemon down: halton-meter start"));
    CHECK(has(empty, "next: halton-meter run -- <your tool>"));
}

TEST_CASE("top: scrolling ends where the calls do") {
    const auto first = to_top_screen(make_facts(100), 100, 24, 0);
    CHECK(first.scroll == 0);
    const auto last = to_top_screen(make_facts(100), 100, 24, 1'000);
    CHECK(last.scroll == 100 - last.page_rows);
    CHECK(has(join(last.lines), "model-0 "));
    CHECK(has(join(last.lines), "newer)"));
    CHECK(to_top_screen(make_facts(2), 100, 24, 5).scroll == 0);
}

TEST_CASE("top: what the daemon tells of running calls") {
    CHECK(roles::read_running_calls(R"({"running_calls": 7})") == 7);
    CHECK_FALSE(roles::read_running_calls("{}"));
    CHECK_FALSE(roles::read_running_calls("no"));
}
