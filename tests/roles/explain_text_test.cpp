#include "roles/explain_text.h"

#include "base/json.h"
#include "meter/charge.h"
#include "support/catch.h"

using namespace halton;
using meter::BillingMode;
using roles::explain_cost;

namespace {

const meter::PriceBook& book() { return meter::PriceBook::bundled(); }

store::StoredCall make_row() {
    store::StoredCall row;
    row.requested_at = "2026-09-10T12:00:00.000000Z";
    row.has_numbers = true;
    meter::CallRecord& call = row.call;
    call.id = "11111111-0000-4000-8000-000000000001";
    call.requested_at = parse_iso8601(row.requested_at).value();
    call.provider = "anthropic";
    call.model = "claude-sonnet-4-5";
    call.project_slug = "shop";
    call.status = "success";
    call.http_status = 200;
    call.usage.input = 1'000;
    call.usage.output = 101;
    call.usage.cache_read = 5'001;
    call.has_usage = true;
    call.tokens_complete = true;
    auto charged = call;
    meter::charge(book(), charged);
    row.cost = charged.cost->value;
    row.cost_state = "exact";
    row.price_id = charged.price_id;
    return row;
}

std::string to_text(const store::StoredCall& row) {
    return roles::to_explain_text(explain_cost(row, book()), {}, "UTC", 0);
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// What the steps come to, by hand.
std::int64_t sum_of(const roles::Explanation& explanation) {
    std::int64_t thousandths = 0;
    for (const auto& story : explanation.stories)
        for (const auto& step : story.steps) thousandths += step.count * step.nanousd;
    return (thousandths + 500) / 1000;
}

}  // namespace

TEST_CASE("explain: the steps are the cost, to the nano-dollar") {
    const auto row = make_row();
    const auto explanation = explain_cost(row, book());
    CHECK(sum_of(explanation) == row.cost);
    CHECK(explanation.is_current());
    CHECK(explanation.next.empty());
    REQUIRE(explanation.stories.size() == 1);
    CHECK(explanation.stories[0].steps.size() == 3);
    CHECK(explanation.stories[0].tier == "standard");
    const auto text = to_text(row);
    CHECK(has(text, "Price row anthropic/claude-sonnet-4-5"));
    CHECK(has(text, "5,001"));
    CHECK(has(text, "Recorded cost  $0.006015300 (exact)"));
    CHECK(has(text, "6,015,300"));
}

TEST_CASE("explain: the step above a threshold is named") {
    auto row = make_row();
    row.call.usage.cache_read = 250'000;
    auto charged = row.call;
    meter::charge(book(), charged);
    row.cost = charged.cost->value;
    const auto explanation = explain_cost(row, book());
    CHECK(explanation.stories[0].above_tokens == 200'000);
    CHECK(sum_of(explanation) == row.cost);
    CHECK(has(to_text(row), "step above 200,000 tokens of input (there were 251,000)"));
}

TEST_CASE("explain: why there is no price") {
    auto row = make_row();
    row.call.model = "model-of-tomorrow";
    row.cost.reset();
    row.cost_state = "unknown";
    CHECK(has(to_text(row), "No price list knows model-of-tomorrow of anthropic"));
    CHECK(has(to_text(row), "Next: halton-meter pricing list model"));
    CHECK(has(to_text(row), "Recorded cost  unknown"));
    row = make_row();
    row.call.has_usage = false;
    row.cost.reset();
    CHECK(has(to_text(row), "told no counts"));
    row.call.http_status = 0;
    CHECK(has(to_text(row), "No answer came"));
    row.call.http_status = 429;
    row.cost = 0;
    CHECK(has(to_text(row), "refused the call, which costs nothing"));
    row = make_row();
    row.call.billing = BillingMode::deferred;
    row.cost.reset();
    CHECK(has(to_text(row), "A batch"));
    row = make_row();
    row.has_numbers = false;
    CHECK(has(to_text(row), "from before rows kept"));
}

TEST_CASE("explain: plan use is no spend, and another price today is said") {
    auto row = make_row();
    row.call.billing = BillingMode::plan;
    CHECK(has(to_text(row), "Covered by a subscription"));
    row = make_row();
    row.cost = 1;
    const auto text = to_text(row);
    CHECK(has(text, "By today's prices $0.006015300."));
    CHECK(has(text, "Next: halton-meter reprice"));
}

TEST_CASE("explain: JSON has the same, and strange names do no harm") {
    auto row = make_row();
    row.call.project_slug = "sh\"op\x1b[31m";
    JsonWriter json;
    json.begin_object();
    roles::write_explanation(json, explain_cost(row, book()), row.call.project_slug);
    json.end();
    JsonParser parser;
    const auto text = json.finish();
    const auto value = parser.parse(text).value();
    CHECK(value["cost_nanousd"].as_integer() == row.cost);
    CHECK(value["cost_by_todays_prices_nanousd"].as_integer() == row.cost);
    std::int64_t thousandths = 0;
    value["parts"].for_each_element([&](JsonView part) {
        part["steps"].for_each_element([&](JsonView step) {
            thousandths +=
                step["count"].as_integer().value() * step["nanousd_per_1k"].as_integer().value();
        });
    });
    CHECK((thousandths + 500) / 1000 == row.cost);
    CHECK_FALSE(has(to_text(row), "\x1b"));
}
