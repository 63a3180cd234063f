#include "roles/report_text.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/version.h"
#include "support/catch.h"

using namespace halton;
using roles::parse_date;
using roles::parse_since;
using roles::ReportGroup;
using roles::ReportLine;
using roles::ReportView;

namespace {

ReportLine make_line(const char* name, std::int64_t requests, std::int64_t nanousd) {
    ReportLine line;
    line.name = name;
    line.sums.requests = requests;
    line.sums.input_tokens = requests * 1'000;
    line.sums.output_tokens = requests * 10;
    line.sums.cost = NanoUsd{nanousd};
    line.sums.latency_us = 1'234'600 * requests;
    line.sums.latency_requests = requests;
    line.p95_latency_ms = 2000;
    return line;
}

ReportView make_view(std::vector<ReportGroup> groups = {ReportGroup::project, ReportGroup::model}) {
    ReportView view;
    view.from = parse_date("2026-10-22").value();
    view.to = parse_date("2026-11-21").value();
    view.zone_name = "UTC";
    view.totals = make_line("", 1'234, 2'500'000'000);
    view.totals.sums.unpriced_requests = 34;
    view.totals.sums.incomplete_requests = 1;
    view.unpriced = {{"gpt,\"y\"", 34}};
    view.incomplete = {{"claude-x", 1}};
    view.project_count = view.model_count = 2;
    for (const auto group : groups) {
        roles::ReportTable table;
        table.group = group;
        if (group == ReportGroup::project)
            table.lines = {make_line("shop", 1'200, 2'400'000'000),
                           make_line("misc", 34, 100'000'000)};
        if (group == ReportGroup::model) {
            table.lines = {make_line("claude-x", 1'200, 2'400'000'000),
                           make_line("gpt,\"y\"", 34, 0)};
            table.lines[0].detail = "anthropic";
            table.lines[1].detail = "openai";
            table.lines[1].sums.unpriced_requests = 34;
        }
        if (group == ReportGroup::provider)
            table.lines = {make_line("anthropic", 1'200, 2'400'000'000)};
        if (group == ReportGroup::session) {
            table.lines = {make_line("5a5b", 3, 1)};
            table.lines[0].detail = "codex";
            table.lines[0].last_at = "2026-11-20T10:11:12.000000Z";
        }
        if (group == ReportGroup::error) {
            table.lines = {make_line("rate_limit", 3, 0)};
            table.lines[0].detail = "slow_down";
        }
        view.tables.push_back(table);
    }
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
    const auto text = roles::to_report_text(make_view(), {0, false});
    CHECK(has(text, fmt::format("halton-meter {}  cost report  2026-10-22 to 2026-11-20 (UTC)\n",
                                version())));
    CHECK(has(text, "* 1,234 requests in 2 projects, 2 models\n"));
    CHECK(has(text, "* 1,234,000 tokens in, 12,340 out\n"));
    CHECK(has(text, "* $2.50 total cost\n"));
    CHECK(has(text, "shop        1,200  1,200,000  12,000      $2.40     1,235 ms  2,000 ms\n"));
    CHECK(has(text, "misc           34     34,000     340  $0.100000"));
    CHECK(has(text, "unknown\n"));  // a model without any price is not free
    CHECK(has(text, "34 requests without a known price (counted as $0): gpt,\"y\" (34)\n"));
    CHECK(has(text, "1 request cut short (their tokens are partial): claude-x (1)\n"));
    const auto unicode = roles::to_report_text(make_view(), {0, true});
    CHECK(has(unicode, "2026-10-22 \u2192 2026-11-20"));
    CHECK(has(unicode, "\u2713 $2.50 total cost"));
}

TEST_CASE("report: one table only, and narrow terminals") {
    const auto by_model = roles::to_report_text(make_view({ReportGroup::model}), {0, false});
    CHECK(has(by_model, "claude-x"));
    CHECK_FALSE(has(by_model, "shop"));
    const auto by_project = roles::to_report_text(make_view({ReportGroup::project}), {0, false});
    CHECK(has(by_project, "shop"));
    CHECK_FALSE(has(by_project, "claude-x  "));
    const auto by_provider = roles::to_report_text(make_view({ReportGroup::provider}), {0, false});
    CHECK(has(by_provider, "anthropic"));
    CHECK_FALSE(has(by_provider, "p95"));
    const auto narrow = roles::to_report_text(make_view({ReportGroup::project}), {45, false});
    CHECK_FALSE(has(narrow, "p95"));
    CHECK_FALSE(has(narrow, "avg"));
    CHECK(has(narrow, "$2.40"));
}

TEST_CASE("report: comparison with the period before") {
    auto view = make_view();
    view.previous_totals = make_line("", 10, 2'000'000'000);
    view.tables[0].previous = {make_line("shop", 10, 3'000'000'000)};
    const auto text = roles::to_report_text(view, {0, false});
    CHECK(has(text, "total cost (+25% against $2.00 before)"));
    CHECK(has(text, "-20%"));
    view.previous_totals->sums.cost = NanoUsd{0};
    CHECK(has(roles::to_report_text(view, {}), "nothing to compare with before"));
    JsonParser parser;
    const auto json = parser.parse(roles::to_report_json(view)).value();
    CHECK(json["totals"]["delta_pct"].is_null());
}

TEST_CASE("report: sessions and errors, days of a zone, and a table with too many lines") {
    auto view = make_view({ReportGroup::session});
    view.zone.spans = {{UtcTime{}, std::chrono::minutes(120)}};
    view.zone_name = "EET";
    auto text = roles::to_report_text(view, {0, false});
    CHECK(has(text, "2026-10-22 to 2026-11-21 (EET)"));
    CHECK(has(text, "5a5b     codex"));
    CHECK(has(text, "2026-11-20 12:11"));
    text = roles::to_report_text(make_view({ReportGroup::error}), {0, false});
    CHECK(has(text, "rate_limit  slow_down"));
    CHECK_FALSE(has(text, "cost  "));
    auto& lines = view.tables[0].lines;
    while (lines.size() < limits::report_shown_rows_max + 7) lines.push_back(lines.front());
    CHECK(has(roles::to_report_text(view, {0, false}), "... and 7 more; all of them: --csv"));
    lines.clear();
    CHECK(has(roles::to_report_text(view, {0, false}), "No call with a session in this period."));
    view = make_view();
    view.has_percentiles = false;
    CHECK(has(roles::to_report_text(view, {0, false}), "p95 is left out above 500,000 requests"));
    JsonParser parser;
    const std::string printed = roles::to_report_json(make_view({ReportGroup::session}));
    const auto json = parser.parse(printed).value();
    json["by_session"].for_each_element([](JsonView line) {
        CHECK(line["tool"].as_string() == "codex");
        CHECK(line["last_request_at"].as_string() == "2026-11-20T10:11:12.000000Z");
    });
}

TEST_CASE("report: the names of its groups") {
    CHECK(roles::parse_report_group("branch") == ReportGroup::branch);
    CHECK_FALSE(roles::parse_report_group("colour"));
    CHECK(has(roles::report_group_choices(), "project|model|provider|tool|day|week|month|session"));
}

TEST_CASE("report: JSON") {
    const std::string text = roles::to_report_json(make_view());
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
        parser.parse(roles::to_report_json(make_view({ReportGroup::project}))).value();
    CHECK(only["by_project"].is_array());
    CHECK_FALSE(only["by_model"].is_present());
}

TEST_CASE("report: plan use stands beside the spend, never in it") {
    auto view = make_view();
    auto& totals = view.totals.sums;
    totals.plan_requests = 200;
    totals.plan_cost = NanoUsd{7'000'000'000};
    totals.estimated_requests = 3;
    auto& shop = view.tables[0].lines[0].sums;
    shop.plan_requests = shop.requests;
    shop.cost = NanoUsd{0};
    shop.plan_cost = NanoUsd{7'000'000'000};
    const auto text = roles::to_report_text(view, {0, false});
    CHECK(has(text, "* $2.50 total cost\n"));
    CHECK(has(text, "* $7.00 worth of plan use in 200 requests (list prices; not charged"));
    CHECK(has(text, "cost  plan use  avg latency"));
    CHECK(has(text, "12,000          -     $7.00"));
    CHECK(has(text, "$0.100000         -"));
    CHECK(has(text, "3 requests with an estimated price"));
    // A table without any has no such column.
    auto models = view;
    models.tables.erase(models.tables.begin());
    CHECK_FALSE(has(roles::to_report_text(models, {0, false}), "plan use  "));
    shop.plan_unpriced_requests = shop.unpriced_requests = shop.plan_requests;
    CHECK(has(roles::to_report_text(view, {0, false}), "unknown"));
    JsonParser parser;
    const auto json = parser.parse(roles::to_report_json(view)).value();
    CHECK(json["totals"]["plan_requests"].as_integer() == 200);
    CHECK(json["totals"]["plan_cost_nanousd"].as_integer() == 7'000'000'000);
    CHECK(json["totals"]["plan_cost_usd_minor_units"].as_integer() == 700'000);
    CHECK(json["totals"]["cost_nanousd"].as_integer() == 2'500'000'000);
    CHECK(json["totals"]["estimated_requests"].as_integer() == 3);
}

TEST_CASE("report: CSV") {
    const auto text = roles::to_report_csv(make_view());
    CHECK(text.substr(0, 31) == "group,name,provider,requests,in");
    CHECK(has(text,
              "\r\nproject,shop,,1200,1200000,12000,0,0,0,240000,2400000000,0,0,0,"
              "1234.600,2000.000,0,0,0,0,0,\r\n"));
    CHECK(has(text, "\r\nmodel,\"gpt,\"\"y\"\"\",openai,34,"));
}
