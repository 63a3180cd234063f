#include "roles/call_text.h"

#include <limits>

#include "base/json.h"
#include "support/catch.h"

using namespace halton;

namespace {

store::LandedCall make_landed() {
    store::LandedCall call;
    call.id = "x1";
    call.requested_at = "2026-11-21T13:05:59.000000Z";
    call.project = "shop";
    call.provider = "anthropic";
    call.model = "claude-sonnet-4-5";
    call.tool = "codex";
    call.status = "success";
    call.http_status = 200;
    call.input_tokens = 12'345;
    call.output_tokens = 56;
    call.cost = NanoUsd{12'345'678};
    call.billing = "metered";
    call.latency_ms = 1234;
    return call;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("call line: columns stand below their headings and leave a narrow terminal") {
    const auto call = make_landed();
    const auto line = roles::to_call_line(call, {}, 160);
    const auto heading = roles::call_line_heading(160);
    CHECK(line.find("claude-sonnet") == heading.find("model"));
    CHECK(line.find("shop") == heading.find("project"));
    CHECK(has(line, "13:05:59  shop"));
    CHECK(has(line, "12k"));
    CHECK(has(line, "1.2 s"));
    CHECK(has(line, "$0.012346"));
    const auto narrow = roles::to_call_line(call, {}, 50);
    CHECK(narrow.size() <= 50);
    CHECK(has(narrow, "claude-sonnet-4-5"));
    CHECK(has(narrow, "$0.012346"));
    CHECK_FALSE(has(narrow, "shop"));
    for (const int width : {50, 60, 79, 80, 100, 120, 160})
        CHECK(roles::to_call_line(call, {}, width).size() <= static_cast<std::size_t>(width));
}

TEST_CASE("call line: errors, plans, unknown prices, long and strange names") {
    auto call = make_landed();
    call.status = "error";
    call.error_class = "rate_limit";
    call.http_status = 429;
    call.provider_error_code = "slow_down";
    CHECK(has(roles::to_call_line(call, {}, 160), "rate_limit 429 slow_down"));
    call.billing = "plan";
    CHECK(has(roles::to_call_line(call, {}, 160), "  plan"));
    call.cost.reset();
    CHECK(has(roles::to_call_line(call, {}, 160), "unknown"));
    call.model = "a\x1b[31m" + std::string(60, '\xc3') + "z";
    call.project = "\u65e5\u672c\u65e5\u672c\u65e5\u672c\u65e5\u672c\u65e5\u672c\u65e5\u672c";
    const auto line = roles::to_call_line(call, {}, 160);
    CHECK_FALSE(has(line, "\x1b"));
    CHECK(has(line, ".."));
    call.requested_at = "odd";
    CHECK(roles::to_call_line(call, {}, 160).starts_with("-  "));
}

TEST_CASE("call as JSON: one line, nothing is null where something is known") {
    auto call = make_landed();
    call.model = "a\"\n";
    const auto text = roles::to_call_json(call);
    CHECK(text.find('\n') == text.size() - 1);
    JsonParser parser;
    const auto json = parser.parse(text).value();
    CHECK(json["model"].as_string() == "a\"\n");
    CHECK(json["cost_nanousd"].as_integer() == 12'345'678);
    CHECK(json["session_id"].is_null());
    CHECK(json["latency_ms"].as_number() == 1234.0);
}

TEST_CASE("call as JSON: the line that programs read") {
    auto call = make_landed();
    CHECK(roles::to_call_json(call) ==
          R"({"id":"x1","requested_at":"2026-11-21T13:05:59.000000Z","project":"shop",)"
          R"("provider":"anthropic","model":"claude-sonnet-4-5","client_tool":"codex",)"
          R"("session_id":null,"status":"success","http_status":200,"error_class":null,)"
          R"("provider_error_code":null,"total_input_tokens":12345,"cache_read_tokens":0,)"
          R"("total_output_tokens":56,"cost_nanousd":12345678,"billing_mode":"metered",)"
          "\"latency_ms\":1234.000}\n");
    call.http_status = 0;
    call.cost.reset();
    call.latency_ms = std::numeric_limits<double>::infinity();
    const auto text = roles::to_call_json(call);
    CHECK(has(text, R"("http_status":null,)"));
    CHECK(has(text, R"("cost_nanousd":null,)"));
    CHECK(has(text, R"("latency_ms":null})"));
}

TEST_CASE("durations") {
    CHECK(roles::to_duration_text(950) == "950 ms");
    CHECK(roles::to_duration_text(1'250) == "1.2 s");
    CHECK(roles::to_duration_text(200'000) == "3 min 20 s");
}
