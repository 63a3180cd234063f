#include "roles/report_text.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/version.h"
#include "support/catch.h"

using namespace halton;
using roles::parse_date;
using roles::parse_since;
using roles::ReportGroup;
using roles::ReportView;
using store::ReportRow;

namespace {

ReportRow make_row(const char* name, std::int64_t requests, std::int64_t nanousd) {
    ReportRow row;
    row.name = name;
    row.requests = requests;
    row.input_tokens = requests * 1'000;
    row.output_tokens = requests * 10;
    row.cost = NanoUsd{nanousd};
    row.avg_latency_ms = 1234.6;
    row.p95_latency_ms = 2000;
    return row;
}

ReportView make_view() {
    ReportView view;
    view.query = {parse_date("2026-10-22").value(), parse_date("2026-11-21").value(), std::nullopt};
    view.report.totals = make_row("", 1'234, 2'500'000'000);
    view.report.by_project = {make_row("shop", 1'200, 2'400'000'000),
                              make_row("misc", 34, 100'000'000)};
    view.report.by_model = {make_row("claude-x", 1'200, 2'400'000'000),
                            make_row("gpt,\"y\"", 34, 0)};
    view.report.by_model[0].provider = "anthropic";
    view.report.by_model[1].provider = "openai";
    view.report.by_model[1].unpriced_requests = 34;
    view.report.totals.unpriced_requests = 34;
    view.report.totals.incomplete_requests = 1;
    return view;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("report: periods") {
    using std::chrono::seconds;
    CHECK(parse_since("5m").value() == seconds(300));
    CHECK(parse_since("2h").value() == seconds(7'200));
    CHECK(parse_since("7d").value() == seconds(7 * 86'400));
    CHECK(parse_since("30").value() == seconds(30 * 86'400));
    CHECK(parse_since("2w").value() == seconds(14 * 86'400));
    for (const char* bad :
         {"", "0", "0d", "-1", "d", "5 m", "5s", "1.5d", "99999999999999", "5mm", "40000"})
        CHECK_FALSE(parse_since(bad));
    CHECK(parse_since("36525").value() == seconds(36'525LL * 86'400));
    CHECK(to_iso8601(parse_date("2026-02-28").value()) == "2026-02-28T00:00:00.000000Z");
    for (const char* bad : {"", "2026", "2026-2-28", "2026-02-30", "2026-02-28x", "28.02.2026"})
        CHECK_FALSE(parse_date(bad));
}

TEST_CASE("report: the text for people") {
    const auto text = roles::to_report_text(make_view(), {ReportGroup::both, 0, false});
    CHECK(has(text,
              fmt::format("halton-meter {}  cost report  2026-10-22 to 2026-11-20\n", version())));
    CHECK(has(text, "* 1,234 requests in 2 projects, 2 models\n"));
    CHECK(has(text, "* 1,234,000 tokens in, 12,340 out\n"));
    CHECK(has(text, "* $2.50 total cost\n"));
    CHECK(has(text, "shop        1,200  1,200,000  12,000      $2.40     1,235 ms  2,000 ms\n"));
    CHECK(has(text, "misc           34     34,000     340  $0.100000"));
    CHECK(has(text, "unknown\n"));  // a model without any price is not free
    CHECK(has(text, "34 requests without a known price"));
    CHECK(has(text, "1 request cut short"));
    const auto unicode = roles::to_report_text(make_view(), {ReportGroup::both, 0, true});
    CHECK(has(unicode, "2026-10-22 \u2192 2026-11-20"));
    CHECK(has(unicode, "\u2713 $2.50 total cost"));
}

TEST_CASE("report: one table only, and narrow terminals") {
    const auto by_model = roles::to_report_text(make_view(), {ReportGroup::model, 0, false});
    CHECK(has(by_model, "claude-x"));
    CHECK_FALSE(has(by_model, "shop"));
    const auto by_project = roles::to_report_text(make_view(), {ReportGroup::project, 0, false});
    CHECK(has(by_project, "shop"));
    CHECK_FALSE(has(by_project, "claude-x"));
    const auto by_provider = roles::to_report_text(make_view(), {ReportGroup::provider, 0, false});
    CHECK(has(by_provider, "anthropic"));
    CHECK_FALSE(has(by_provider, "p95"));
    const auto narrow = roles::to_report_text(make_view(), {ReportGroup::project, 45, false});
    CHECK_FALSE(has(narrow, "p95"));
    CHECK_FALSE(has(narrow, "avg"));
    CHECK(has(narrow, "$2.40"));
}

TEST_CASE("report: comparison with the period before") {
    auto view = make_view();
    view.previous = store::Report{};
    view.previous->totals = make_row("", 10, 2'000'000'000);
    view.previous->by_project = {make_row("shop", 10, 3'000'000'000)};
    const auto text = roles::to_report_text(view, {ReportGroup::project, 0, false});
    CHECK(has(text, "total cost (+25% against $2.00 before)"));
    CHECK(has(text, "-20%"));
    view.previous->totals.cost = NanoUsd{0};
    CHECK(has(roles::to_report_text(view, {}), "nothing to compare with before"));
    JsonParser parser;
    const auto json = parser.parse(roles::to_report_json(view, ReportGroup::both)).value();
    CHECK(json["totals"]["delta_pct"].is_null());
}

TEST_CASE("report: JSON") {
    const std::string text = roles::to_report_json(make_view(), ReportGroup::both);
    JsonParser parser;
    const auto json = parser.parse(text).value();
    CHECK(json["version"].as_string() == version());
    CHECK(json["from"].as_string() == "2026-10-22T00:00:00.000000Z");
    CHECK(json["project"].is_null());
    CHECK(json["totals"]["requests"].as_integer() == 1'234);
    CHECK(json["totals"]["projects"].as_integer() == 2);
    CHECK(json["totals"]["cost_usd_minor_units"].as_integer() == 250'000);
    CHECK(json["totals"]["cost_nanousd"].as_integer() == 2'500'000'000);
    CHECK(json["totals"]["unpriced_requests"].as_integer() == 34);
    CHECK_FALSE(json["totals"]["delta_pct"].is_present());
    int model_count = 0;
    json["by_model"].for_each_element([&](JsonView row) {
        ++model_count;
        CHECK(row["provider"].is_string());
        CHECK(row["p95_latency_ms"].as_number() == 2000.0);
    });
    CHECK(model_count == 2);
    const auto only =
        parser.parse(roles::to_report_json(make_view(), ReportGroup::project)).value();
    CHECK(only["by_project"].is_array());
    CHECK_FALSE(only["by_model"].is_present());
}

TEST_CASE("report: plan use stands beside the spend, never in it") {
    auto view = make_view();
    auto& totals = view.report.totals;
    totals.plan_requests = 200;
    totals.plan_cost = NanoUsd{7'000'000'000};
    totals.estimated_requests = 3;
    auto& shop = view.report.by_project[0];
    shop.plan_requests = shop.requests;
    shop.cost = NanoUsd{0};
    shop.plan_cost = NanoUsd{7'000'000'000};
    const auto text = roles::to_report_text(view, {ReportGroup::both, 0, false});
    CHECK(has(text, "* $2.50 total cost\n"));
    CHECK(has(text, "* $7.00 worth of plan use in 200 requests (list prices; not charged"));
    CHECK(has(text, "cost  plan use  avg latency"));
    CHECK(has(text, "12,000          -     $7.00"));
    CHECK(has(text, "$0.100000         -"));
    CHECK(has(text, "3 requests with an estimated price"));
    // A table without any has no such column.
    CHECK_FALSE(has(roles::to_report_text(view, {ReportGroup::model, 0, false}), "plan use  "));
    shop.plan_unpriced_requests = shop.unpriced_requests = shop.plan_requests;
    CHECK(has(roles::to_report_text(view, {ReportGroup::project, 0, false}), "unknown"));
    JsonParser parser;
    const auto json = parser.parse(roles::to_report_json(view, ReportGroup::both)).value();
    CHECK(json["totals"]["plan_requests"].as_integer() == 200);
    CHECK(json["totals"]["plan_cost_nanousd"].as_integer() == 7'000'000'000);
    CHECK(json["totals"]["plan_cost_usd_minor_units"].as_integer() == 700'000);
    CHECK(json["totals"]["cost_nanousd"].as_integer() == 2'500'000'000);
    CHECK(json["totals"]["estimated_requests"].as_integer() == 3);
}

TEST_CASE("report: CSV") {
    const auto text = roles::to_report_csv(make_view(), ReportGroup::both);
    CHECK(text.substr(0, 31) == "group,name,provider,requests,in");
    CHECK(has(text,
              "\r\nproject,shop,,1200,1200000,12000,0,0,0,240000,2400000000,0,0,0,"
              "1234.600,2000.000,0,0,0,0,0\r\n"));
    CHECK(has(text, "\r\nmodel,\"gpt,\"\"y\"\"\",openai,34,"));
}
