#include "meter/plan.h"

#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"

#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

http::HeaderList headers(const Fields& fields) {
    http::HeaderList list;
    for (const auto& [name, value] : fields) list.add(name, value);
    return list;
}

const UtcTime now = *parse_iso8601("2026-11-21T12:00:00Z");

std::vector<PlanLimit> limits_of(const Fields& fields) {
    return read_plan_limits(headers(fields), now);
}

}  // namespace

TEST_CASE("which calls a subscription covers") {
    const auto is_plan = [](std::string_view host, const Fields& fields) {
        return is_plan_call(host, headers(fields));
    };
    CHECK(is_plan("chatgpt.com", {}));
    CHECK(is_plan("cloudcode-pa.googleapis.com", {}));
    CHECK(is_plan("api.githubcopilot.com", {}));
    CHECK(is_plan("api.individual.githubcopilot.com", {}));
    CHECK_FALSE(is_plan("nochatgpt.com", {}));
    CHECK(is_plan("api.anthropic.com", {{"Authorization", "Bearer sk-ant-oat01-x"}}));
    CHECK(is_plan("api.anthropic.com", {{"authorization", "bearer something"}}));
    CHECK_FALSE(is_plan("api.anthropic.com", {{"x-api-key", "sk-ant-api03-x"}}));
    CHECK_FALSE(is_plan("api.anthropic.com", {{"Authorization", "Bearer sk-ant-api03-x"}}));
    CHECK_FALSE(is_plan("api.anthropic.com",
                        {{"Authorization", "Bearer x"}, {"x-api-key", "sk-ant-api03-x"}}));
    CHECK_FALSE(is_plan("api.anthropic.com", {{"Authorization", "Basic x"}}));
    CHECK_FALSE(is_plan("api.anthropic.com", {{"Authorization", "Bear"}}));
    CHECK_FALSE(is_plan("api.anthropic.com", {}));
    // Everywhere else a bearer is a key.
    CHECK_FALSE(is_plan("api.openai.com", {{"Authorization", "Bearer sk-x"}}));
}

TEST_CASE("use beyond the plan that is paid for") {
    const std::string unified = "anthropic-ratelimit-unified-";
    CHECK(is_paid_overage(headers({{unified + "overage-in-use", "true"}})));
    CHECK(is_paid_overage(headers(
        {{unified + "status", "rejected"}, {unified + "overage-status", "allowed_warning"}})));
    CHECK_FALSE(is_paid_overage(
        headers({{unified + "status", "rejected"}, {unified + "overage-status", "rejected"}})));
    CHECK_FALSE(is_paid_overage(
        headers({{unified + "status", "allowed"}, {unified + "overage-status", "allowed"}})));
    CHECK_FALSE(is_paid_overage(headers({})));
}

TEST_CASE("Anthropic's windows") {
    const auto limits = limits_of({{"Anthropic-Ratelimit-Unified-Status", "allowed"},
                                   {"anthropic-ratelimit-unified-reset", "1795264800"},
                                   {"anthropic-ratelimit-unified-5h-status", "allowed_warning"},
                                   {"anthropic-ratelimit-unified-5h-utilization", "0.83"},
                                   {"anthropic-ratelimit-unified-5h-reset", "1795264800"},
                                   {"anthropic-ratelimit-unified-7d_sonnet-utilization", "1.02"},
                                   {"anthropic-ratelimit-unified-7d-reset", "2026-11-25T00:00:00Z"},
                                   {"anthropic-ratelimit-unified-fallback-percentage", "0.5"},
                                   {"anthropic-ratelimit-unified-slow-max-wait", "20"},
                                   {"anthropic-ratelimit-requests-limit", "50"}});
    REQUIRE(limits.size() == 3);
    CHECK(limits[0].name == "5h");
    CHECK(limits[0].status == "allowed_warning");
    CHECK(limits[0].used_fraction == 0.83);
    CHECK(to_iso8601(limits[0].resets_at.value()) == "2026-11-21T12:40:00.000000Z");
    CHECK(limits[1].name == "7d_sonnet");
    CHECK(limits[1].used_fraction == 1.02);
    CHECK_FALSE(limits[1].resets_at);
    CHECK(limits[2].name == "7d");
    CHECK(to_iso8601(limits[2].resets_at.value()) == "2026-11-25T00:00:00.000000Z");
}

TEST_CASE("Codex's windows, of its own models too") {
    const auto limits = limits_of({{"X-Codex-Plan-Type", "pro"},
                                   {"x-codex-primary-used-percent", "42.5"},
                                   {"x-codex-primary-window-minutes", "300"},
                                   {"x-codex-primary-reset-at", "1795264800"},
                                   {"x-codex-primary-reset-after-seconds", "60"},
                                   {"x-codex-secondary-used-percent", "9"},
                                   {"x-codex-secondary-reset-after-seconds", "3600"},
                                   {"x-codex-larkspur-primary-used-percent", "97"},
                                   {"x-codex-credits-balance", "5.00"},
                                   {"x-codex-primary-over-secondary-limit-percent", "0"}});
    REQUIRE(limits.size() == 3);
    CHECK(limits[0].name == "codex-primary");
    CHECK(limits[0].plan == "pro");
    CHECK(limits[0].used_fraction == 0.425);
    CHECK(limits[0].window_minutes == 300);
    CHECK(to_iso8601(limits[0].resets_at.value()) == "2026-11-21T12:40:00.000000Z");
    CHECK(limits[1].name == "codex-secondary");
    CHECK(limits[1].resets_at == now + std::chrono::hours(1));
    CHECK(limits[2].name == "codex-larkspur-primary");
}

TEST_CASE("nonsense is no limit") {
    CHECK(limits_of({}).empty());
    CHECK(limits_of({{"content-type", "x"}}).empty());
    const std::string unified = "anthropic-ratelimit-unified-";
    for (const char* value : {"", "full", "-1", "nan", "inf", "1e99", "0.5x"}) {
        CAPTURE(value);
        CHECK(limits_of({{unified + "5h-utilization", value}}).empty());
        CHECK(limits_of({{"x-codex-primary-used-percent", value}}).empty());
    }
    for (const char* value : {"", "soon", "-5", "1", "99999999999999999999", "2026-13-01"}) {
        CAPTURE(value);
        CHECK(limits_of({{unified + "5h-reset", value}}).empty());
    }
    CHECK(limits_of({{unified + std::string(500, 'x') + "-utilization", "0.5"}}).empty());
    CHECK(limits_of({{unified, "1"}, {unified + "-utilization", "1"}, {"x-codex-", "1"}}).empty());
    Fields many;
    for (int i = 0; i < 100; ++i) many.emplace_back(unified + std::to_string(i) + "-status", "ok");
    CHECK(limits_of(many).size() == halton::limits::plan_limits_max);
}

TEST_CASE("the event of a Codex stream") {
    JsonParser parser;
    std::vector<PlanLimit> limits;
    read_codex_limits(
        *parser.parse(R"({"allowed":true,"primary":{"used_percent":40,"window_minutes":300,)"
                      R"("reset_at":1795264800},"secondary":{"used_percent":5.5}})"),
        "", "plus", limits);
    REQUIRE(limits.size() == 2);
    CHECK(limits[0].name == "codex-primary");
    CHECK(limits[0].plan == "plus");
    CHECK(limits[0].used_fraction == 0.4);
    CHECK(limits[0].window_minutes == 300);
    CHECK(limits[0].resets_at.has_value());
    CHECK(limits[1].name == "codex-secondary");
    CHECK_FALSE(limits[1].resets_at);
    // A later event replaces what it tells.
    read_codex_limits(*parser.parse(R"({"primary":{"used_percent":41}})"), "codex", "plus", limits);
    REQUIRE(limits.size() == 2);
    CHECK(limits[0].used_fraction == 0.41);
    read_codex_limits(*parser.parse(R"({"primary":{"used_percent":1}})"), "gpt_reserve", "",
                      limits);
    CHECK(limits.back().name == "gpt-reserve-primary");
    const auto before = limits;
    for (const char* text : {"{}", "7", R"({"primary":{}})", R"({"primary":{"used_percent":"x"}})",
                             R"({"primary":{"used_percent":-1}})"}) {
        read_codex_limits(*parser.parse(text), "codex", "", limits);
    }
    CHECK(limits == before);
}
