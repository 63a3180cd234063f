#include "api/handlers.h"

#include <numeric>

#include "api/api_world.h"
#include "store/projects.h"

using namespace halton;
using namespace halton::test;

namespace {

// Three days around the beginning of November, two providers, a subscription, an error, an unknown
// price.
std::vector<meter::CallRecord> make_history(ApiWorld& world) {
    std::vector<meter::CallRecord> calls;
    const auto add = [&](const char* at, const char* provider, const char* model,
                         const char* project, std::optional<std::int64_t> nanousd) -> auto& {
        auto call = world.call(calls.size() + 1, at);
        call.provider = provider;
        call.model = model;
        call.project_slug = project;
        call.cost = nanousd ? std::optional(NanoUsd{*nanousd}) : std::nullopt;
        if (!nanousd) call.cost_state = meter::CostState::unknown;
        calls.push_back(call);
        return calls.back();
    };
    add("2026-10-31T23:30:00Z", "anthropic", "claude-a", "shop", 3'000'000'000);
    add("2026-11-01T00:00:00Z", "anthropic", "claude-a", "shop", 12'344'000);
    add("2026-11-01T10:00:00Z", "openai", "gpt-b", "shop", 12'344'000);
    add("2026-11-01T11:00:00Z", "xai", "grok-c", "shop", 12'344'000);
    add("2026-11-03T10:00:00Z", "openai", "gpt-b", "acme/api:v2", 500'000'000).client.tool =
        "codex";
    add("2026-11-03T10:00:01Z", "openai", "gpt-b", "acme/api:v2", std::nullopt);
    auto& failed = add("2026-11-03T10:00:02Z", "openai", "gpt-b", "acme/api:v2", 0);
    failed.status = "error";
    failed.error = meter::CallError{meter::ErrorClass::rate_limit, "slow_down", true, {}};
    auto& plan = add("2026-11-20T10:00:00Z", "anthropic", "claude-a", "shop", 40'000'000);
    plan.billing = meter::BillingMode::plan;
    plan.usage.cache_read = 900;
    return calls;
}

}  // namespace

TEST_CASE("usage routes: without a call everything is there and empty") {
    ApiWorld world;
    CHECK(texts_of(world.get("/v1/projects"), "slug").empty());
    const auto stats = world.get("/v1/stats");
    CHECK(number_at(stats["summary"]["total_requests"]) == 0);
    CHECK(stats["summary"]["last_request_at"].is_null());
    CHECK(stats["summary"]["cache_hit_rate"].as_number() == 0.0);
    CHECK(texts_of(stats["by_day"], "date").empty());
    CHECK(world.status("/v1/projects/nobody") == 404);
    CHECK(world.status("/v1/projects/nobody/stats") == 404);
    CHECK(number_at(world.get("/v1/usage")["totals"]["requests"]) == 0);
}

TEST_CASE("usage routes: a window without calls has its days") {
    ApiWorld world;
    const auto days = texts_of(world.get("/v1/stats?since=2026-11-19")["by_day"], "date");
    CHECK(days == std::vector<std::string>{"2026-11-19", "2026-11-20", "2026-11-21"});
    CHECK(texts_of(world.get("/v1/stats?since=2026-11-19&until=2026-11-20")["by_day"], "date") ==
          std::vector<std::string>{"2026-11-19"});
    CHECK(texts_of(world.get("/v1/stats?since=2027-01-01")["by_day"], "date").empty());
    CHECK(texts_of(world.get("/v1/stats?since=2026-11-20&until=2026-11-01")["by_day"], "date")
              .empty());
}

TEST_CASE("usage routes: projects, field by field") {
    ApiWorld world;
    world.write(make_history(world));
    const auto projects = world.get("/v1/projects");
    REQUIRE(projects.is_array());
    const auto shop = world.get("/v1/projects/shop");
    CHECK(text_at(shop["slug"]) == "shop");
    CHECK(text_at(shop["name"]) == "shop");
    CHECK(shop["id"].is_string());
    CHECK(shop["archived_at"].is_null());
    const auto stats = shop["stats"];
    CHECK(number_at(stats["requests_this_month"]) == 4);
    // What a subscription covers is no spend.
    CHECK(number_at(stats["cost_usd_this_month_minor_units"]) == 3'703);
    CHECK(number_at(stats["previous_month_cost_usd_minor_units"]) == 300'000);
    CHECK(number_at(stats["all_time_cost_usd_minor_units"]) == 303'703);
    CHECK(number_at(stats["all_time_requests"]) == 5);
    CHECK(text_at(stats["last_active_at"]) == "2026-11-20T10:00:00.000000Z");
    CHECK(text_at(stats["primary_model"]) == "claude-a");
    CHECK(text_at(stats["primary_provider"]) == "anthropic");
    CHECK(text_at(stats["top_model"]) == "claude-a");
    CHECK(text_at(stats["top_provider"]) == "anthropic");
    for (const char* target : {"/v1/projects/acme/api:v2", "/v1/projects/acme%2Fapi%3Av2",
                               "/api/projects/acme%2Fapi:v2"})
        CHECK(text_at(world.get(target)["slug"]) == "acme/api:v2");
    CHECK(texts_of(world.get("/v1/projects"), "slug").size() == 2);
}

TEST_CASE("usage routes: archived, renamed and set projects") {
    ApiWorld world;
    world.write(make_history(world));
    REQUIRE(store::archive_project(world.sources.database, "shop", true));
    REQUIRE(store::rename_project(world.sources.database, "shop", "store"));
    REQUIRE(store::change_project(world.sources.database, "store",
                                  {"The store", std::optional<bool>(true)}));
    const auto project = world.get("/v1/projects/shop");
    CHECK(text_at(project["slug"]) == "store");
    CHECK(text_at(project["name"]) == "The store");
    CHECK(project["archived_at"].is_string());
    CHECK(project["body_capture"].as_bool() == true);
    CHECK(texts_of(project["old_slugs"], "") == std::vector<std::string>{"shop"});
    CHECK(number_at(world.get("/v1/projects/shop/stats")["summary"]["total_requests"]) == 5);
}

TEST_CASE("usage routes: stats, field by field") {
    ApiWorld world;
    world.write(make_history(world));
    const auto stats = world.get("/v1/stats");
    const auto summary = stats["summary"];
    CHECK(number_at(summary["total_requests"]) == 8);
    CHECK(number_at(summary["total_input_tokens"]) == 800);
    CHECK(number_at(summary["total_output_tokens"]) == 160);
    CHECK(number_at(summary["total_cache_read_tokens"]) == 900);
    CHECK(number_at(summary["total_cost_nanousd"]) == 3'537'032'000);
    CHECK(number_at(summary["total_cost_usd_minor_units"]) == 353'703);
    CHECK(number_at(summary["plan_cost_nanousd"]) == 40'000'000);
    CHECK(number_at(summary["plan_requests"]) == 1);
    CHECK(number_at(summary["unpriced_requests"]) == 1);
    CHECK(number_at(summary["error_requests"]) == 1);
    CHECK(number_at(summary["active_projects"]) == 2);
    CHECK(number_at(summary["models_in_use"]) == 3);
    CHECK(std::abs(*summary["cache_hit_rate"].as_number() - 900.0 / 1700) < 0.001);
    CHECK(text_at(summary["last_request_at"]) == "2026-11-20T10:00:00.000000Z");

    // Every day from the first call until today, ascending.
    const auto days = texts_of(stats["by_day"], "date");
    REQUIRE(days.size() == 22);
    CHECK(days.front() == "2026-10-31");
    CHECK(days.back() == "2026-11-21");
    CHECK(std::is_sorted(days.begin(), days.end()));
    CHECK(number_at(element(stats["by_day"], 2)["requests"]) == 0);
    CHECK(number_at(element(stats["by_day"], 3)["requests"]) == 3);
    CHECK(number_at(element(stats["by_day"], 20)["plan_cost_usd_minor_units"]) == 4'000);
    CHECK(number_at(element(stats["by_day"], 20)["cost_usd_minor_units"]) == 0);

    CHECK(text_at(element(stats["by_provider"], 0)["provider"]) == "anthropic");
    CHECK(number_at(element(stats["by_provider"], 0)["requests"]) == 3);
    CHECK(text_at(element(stats["by_model"], 0)["model"]) == "claude-a");
    CHECK(number_at(element(stats["by_model"], 0)["input_tokens"]) == 300);
    CHECK(texts_of(stats["by_project"], "slug") == std::vector<std::string>{"shop", "acme/api:v2"});
    CHECK(texts_of(stats["by_tool"], "tool") == std::vector<std::string>{"null", "codex"});
    CHECK(text_at(stats["zone"]) == "UTC");
    CHECK(number_at(stats["utc_offset_minutes"]) == 0);
}

TEST_CASE("usage routes: the providers of a day come to exactly the day") {
    ApiWorld world;
    world.write(make_history(world));
    const auto stats = world.get("/v1/stats");
    std::map<std::string, std::int64_t> by_day;
    stats["by_day"].for_each_element([&](JsonView day) {
        by_day[text_at(day["date"])] = number_at(day["cost_usd_minor_units"]);
    });
    std::map<std::string, std::int64_t> sums;
    stats["by_day_by_provider"].for_each_element([&](JsonView part) {
        sums[text_at(part["date"])] += number_at(part["cost_usd_minor_units"]);
    });
    // Three times 1234.4 millicents: each is rounded down, together they are one more.
    CHECK(by_day["2026-11-01"] == 3'703);
    for (const auto& [day, sum] : sums) {
        INFO(day);
        CHECK(by_day[day] == sum);
    }
}

TEST_CASE("usage routes: since, until and the zone of the days") {
    ApiWorld world;
    world.write(make_history(world));
    const auto requests = [&](const std::string& query) {
        return number_at(world.get("/v1/stats?" + query)["summary"]["total_requests"]);
    };
    CHECK(requests("since=2026-11-01") == 7);
    CHECK(requests("since=2026-11-01T00:00:00.000001Z") == 6);
    CHECK(requests("since=2026-11-01&until=2026-11-03") == 3);
    CHECK(requests("until=2026-11-01") == 1);
    // An hour east of UTC the last call of October is one of November.
    CHECK(requests("since=2026-11-01&zone=local") == 8);
    const auto local = world.get("/v1/stats?since=2026-11-01&zone=local");
    CHECK(text_at(element(local["by_day"], 0)["date"]) == "2026-11-01");
    CHECK(number_at(element(local["by_day"], 0)["requests"]) == 4);
    CHECK(text_at(local["zone"]) == "CET");
    CHECK(number_at(local["utc_offset_minutes"]) == 60);
    CHECK(number_at(world.get("/v1/projects/acme/api:v2/stats")["summary"]["total_requests"]) == 3);
    for (const char* bad : {"since=1", "since=2026-02-30", "until=x", "zone=x"})
        CHECK(world.status("/v1/stats?" + std::string(bad)) == 422);
}

TEST_CASE("usage routes: any grouping") {
    ApiWorld world;
    world.write(make_history(world));
    auto usage = world.get("/v1/usage?by=month,provider");
    CHECK(texts_of(usage["by"], "") == std::vector<std::string>{"month", "provider"});
    std::vector<std::string> seen;
    std::int64_t sum = 0;
    usage["items"].for_each_element([&](JsonView item) {
        seen.push_back(text_at(item["key"]["month"]) + " " + text_at(item["key"]["provider"]));
        sum += number_at(item["cost_nanousd"]);
    });
    CHECK(seen == std::vector<std::string>{"2026-10 anthropic", "2026-11 openai",
                                           "2026-11 anthropic", "2026-11 xai"});
    CHECK(sum == number_at(usage["totals"]["cost_nanousd"]));
    CHECK(usage["is_cut"].as_bool() == false);

    usage = world.get("/v1/usage?by=model&limit=1&project=shop");
    CHECK(usage["is_cut"].as_bool() == true);
    CHECK(number_at(usage["totals"]["requests"]) == 5);
    CHECK(text_at(element(usage["items"], 0)["key"]["model"]) == "claude-a");
    // Nobody knows the tool: null, and no empty word.
    usage = world.get("/v1/usage?by=tool");
    CHECK(element(usage["items"], 0)["key"]["tool"].is_null());
    CHECK(texts_of(world.get("/v1/usage?since=2026-11-20")["items"], "requests").size() == 2);
    CHECK(number_at(world.get("/v1/usage?by=billing&provider=anthropic")["totals"]["requests"]) ==
          3);
    for (const char* bad : {"fortnight", "day,day", "day,month", "day,;drop", "DAY"})
        CHECK(world.status("/v1/usage?by=" + std::string(bad)) == 422);
}
