#include "roles/report_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "base/version.h"
#include "roles/count_text.h"
#include "roles/table.h"

namespace halton::roles {
namespace {

using store::Report;
using store::ReportRow;

constexpr std::size_t name_bytes_max = 60;

std::string to_milliseconds(std::optional<double> latency) {
    return latency ? fmt::format("{} ms", with_separators(std::llround(*latency))) : "-";
}

// An unpriced row is not a free one: a group without any price shows that.
std::string to_cost(const ReportRow& row) {
    if (row.is_unknown_cost()) return "unknown";
    if (row.requests > 0 && row.plan_requests == row.requests) return "-";
    return to_dollar_text(row.cost);
}

std::string to_plan_cost(const ReportRow& row) {
    if (row.plan_requests == 0) return "-";
    if (row.plan_unpriced_requests == row.plan_requests) return "unknown";
    return to_dollar_text(row.plan_cost);
}

std::string shown_name(const std::string& name) {
    return name.empty() ? "(unknown)" : to_safe_text(name, name_bytes_max);
}

// Sums per provider out of those per model; latencies cannot be added up, so they stay out.
std::vector<ReportRow> sum_by_provider(const std::vector<ReportRow>& models) {
    std::vector<ReportRow> providers;
    for (const auto& model : models) {
        auto found = std::find_if(providers.begin(), providers.end(),
                                  [&](const ReportRow& row) { return row.name == model.provider; });
        if (found == providers.end()) {
            ReportRow row;
            row.name = model.provider;
            found = providers.insert(providers.end(), row);
        }
        found->add(model);
    }
    std::sort(providers.begin(), providers.end(), [](const ReportRow& a, const ReportRow& b) {
        return a.cost != b.cost ? a.cost > b.cost : a.name < b.name;
    });
    return providers;
}

// One table of a report under the name that JSON and CSV give it.
struct Group {
    std::string_view title;  // "project"
    std::vector<ReportRow> rows;
    std::vector<ReportRow> previous;
    bool has_latency = true;
};

std::vector<Group> to_groups(const ReportView& view, ReportGroup group) {
    const Report none;
    const Report& previous = view.previous ? *view.previous : none;
    std::vector<Group> groups;
    if (group == ReportGroup::both || group == ReportGroup::project)
        groups.push_back({"project", view.report.by_project, previous.by_project, true});
    if (group == ReportGroup::both || group == ReportGroup::model)
        groups.push_back({"model", view.report.by_model, previous.by_model, true});
    if (group == ReportGroup::provider)
        groups.push_back({"provider", sum_by_provider(view.report.by_model),
                          sum_by_provider(previous.by_model), false});
    return groups;
}

// (now - before) / before in percent; nothing when there was nothing before.
std::optional<double> find_delta(const ReportRow& row, const std::vector<ReportRow>& previous) {
    const auto before = std::find_if(previous.begin(), previous.end(), [&](const ReportRow& other) {
        return other.name == row.name && other.provider == row.provider;
    });
    if (before == previous.end() || before->cost.value == 0) return std::nullopt;
    return 100.0 * static_cast<double>(row.cost.value - before->cost.value) /
           static_cast<double>(before->cost.value);
}

std::string to_table(const Group& group, bool has_previous, int width) {
    std::vector<Column> columns{{std::string(group.title), false, 0, true},
                                {"requests", true, 0},
                                {"in", true, 2},
                                {"out", true, 1},
                                {"cost", true, 0}};
    const bool has_plan = std::any_of(group.rows.begin(), group.rows.end(),
                                      [](const ReportRow& row) { return row.plan_requests > 0; });
    if (has_plan) columns.push_back({"plan use", true, 0});
    const bool has_latency = group.has_latency && group.title == "project";
    if (has_latency) {
        columns.push_back({"avg latency", true, 3});
        columns.push_back({"p95", true, 4});
    }
    if (has_previous) columns.push_back({"change", true, 0});
    std::vector<std::vector<std::string>> rows;
    for (const auto& row : group.rows) {
        rows.push_back({shown_name(row.name), with_separators(row.requests),
                        with_separators(row.input_tokens), with_separators(row.output_tokens),
                        to_cost(row)});
        if (has_plan) rows.back().push_back(to_plan_cost(row));
        if (has_latency) {
            rows.back().push_back(to_milliseconds(row.avg_latency_ms));
            rows.back().push_back(to_milliseconds(row.p95_latency_ms));
        }
        if (has_previous) {
            const auto delta = find_delta(row, group.previous);
            rows.back().push_back(delta ? fmt::format("{:+.0f}%", *delta) : "-");
        }
    }
    return render_table(columns, std::move(rows), width);
}

void write_sums(JsonWriter& json, const ReportRow& row) {
    json.number("requests", row.requests);
    json.number("input_tokens", row.input_tokens);
    json.number("output_tokens", row.output_tokens);
    json.number("thinking_tokens", row.thinking_tokens);
    json.number("cache_read_tokens", row.cache_read_tokens);
    json.number("cache_write_tokens", row.cache_write_tokens);
    json.number("cost_usd_minor_units", to_millicents(row.cost));
    json.number("cost_nanousd", row.cost.value);
    json.number("plan_requests", row.plan_requests);
    json.number("plan_cost_usd_minor_units", to_millicents(row.plan_cost));
    json.number("plan_cost_nanousd", row.plan_cost.value);
    json.number("plan_unpriced_requests", row.plan_unpriced_requests);
    json.number("estimated_requests", row.estimated_requests);
    json.number("unpriced_requests", row.unpriced_requests);
    json.number("incomplete_requests", row.incomplete_requests);
    json.number("error_requests", row.error_requests);
    json.real_or_null("avg_latency_ms", row.avg_latency_ms);
    json.real_or_null("p95_latency_ms", row.p95_latency_ms);
}

// RFC 4180: quoted when it holds a comma, a quote or a line end.
std::string to_csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::string to_csv_real(std::optional<double> value) {
    return value ? fmt::format("{:.3f}", *value) : "";
}

}  // namespace

Result<std::chrono::seconds> parse_since(std::string_view text) {
    std::int64_t unit = 24 * 3600;
    if (!text.empty()) {
        const char last = text.back();
        if (last == 'm') unit = 60;
        if (last == 'h') unit = 3600;
        if (last == 'w') unit = 7 * 24 * 3600;
        if (last == 'm' || last == 'h' || last == 'd' || last == 'w') text.remove_suffix(1);
    }
    const auto count = parse_decimal(text);
    // A hundred years: beyond it the arithmetic of dates would overflow.
    if (!count || *count == 0 || *count > static_cast<std::uint64_t>(36'525LL * 24 * 3600 / unit))
        return fail(ErrorKind::malformed,
                    "--since wants a period such as 5m, 12h, 7d, 2w or a number of days");
    return std::chrono::seconds(static_cast<std::int64_t>(*count) * unit);
}

Result<UtcTime> parse_date(std::string_view text) {
    auto time = parse_iso8601(std::string(text) + "T00:00:00Z");
    if (!time || text.size() != 10)
        return fail(ErrorKind::malformed,
                    fmt::format("'{}' is not a date such as 2026-11-21", to_safe_text(text, 40)));
    return *time;
}

std::string to_report_text(const ReportView& view, const ReportStyle& style) {
    const auto& totals = view.report.totals;
    const std::string arrow = style.has_unicode ? "\u2192" : "to";
    const std::string mark = style.has_unicode ? "\u2713" : "*";
    // The last moment that counts belongs to the last day shown.
    const auto last = view.query.to - std::chrono::microseconds(1);
    std::string text = fmt::format("halton-meter {}  cost report  {} {} {}\n\n", version(),
                                   to_iso8601(view.query.from).substr(0, 10), arrow,
                                   to_iso8601(last).substr(0, 10));
    const auto model_count = static_cast<std::int64_t>(view.report.by_model.size());
    const auto project_count = static_cast<std::int64_t>(view.report.by_project.size());
    text += fmt::format("  {} {} in {}, {}\n", mark, counted(totals.requests, "request"),
                        counted(project_count, "project"), counted(model_count, "model"));
    text += fmt::format("  {} {} tokens in, {} out\n", mark, with_separators(totals.input_tokens),
                        with_separators(totals.output_tokens));
    text += fmt::format("  {} {} total cost", mark, to_cost(totals));
    if (view.previous) {
        auto before = view.previous->totals;
        const auto delta = find_delta(totals, {before});
        text += delta ? fmt::format(" ({:+.0f}% against {} before)", *delta,
                                    to_dollar_text(before.cost))
                      : " (nothing to compare with before)";
    }
    text += '\n';
    if (totals.plan_requests > 0)
        text += fmt::format(
            "  {} {} worth of plan use in {} (list prices; not charged, not in the "
            "total)\n",
            mark, to_plan_cost(totals), counted(totals.plan_requests, "request"));
    for (const auto& group : to_groups(view, style.group))
        text += '\n' + to_table(group, view.previous.has_value(), style.width);

    std::string notes;
    if (totals.unpriced_requests > 0)
        notes += fmt::format("  {} without a known price (counted as $0)\n",
                             counted(totals.unpriced_requests, "request"));
    if (totals.estimated_requests > 0)
        notes += fmt::format("  {} with an estimated price\n",
                             counted(totals.estimated_requests, "request"));
    if (totals.incomplete_requests > 0)
        notes += fmt::format("  {} cut short (their tokens are partial)\n",
                             counted(totals.incomplete_requests, "request"));
    if (totals.error_requests > 0)
        notes += fmt::format("  {} not successful\n", counted(totals.error_requests, "request"));
    if (!notes.empty()) text += '\n' + notes;
    return text;
}

std::string to_report_json(const ReportView& view, ReportGroup group) {
    JsonWriter json;
    json.begin_object();
    json.text("version", version());
    json.text("from", to_iso8601(view.query.from)).text("to", to_iso8601(view.query.to));
    json.text_or_null("project", view.query.project_slug);
    json.begin_object("totals");
    json.number("projects", static_cast<std::int64_t>(view.report.by_project.size()));
    json.number("models", static_cast<std::int64_t>(view.report.by_model.size()));
    write_sums(json, view.report.totals);
    if (view.previous)
        json.real_or_null("delta_pct", find_delta(view.report.totals, {view.previous->totals}));
    json.end();
    for (const auto& table : to_groups(view, group)) {
        json.begin_array(fmt::format("by_{}", table.title));
        for (const auto& row : table.rows) {
            json.begin_object().text(table.title, row.name);
            if (table.title == "model") json.text("provider", row.provider);
            write_sums(json, row);
            if (view.previous) json.real_or_null("delta_pct", find_delta(row, table.previous));
            json.end();
        }
        json.end();
    }
    json.end();
    return json.finish();
}

std::string to_report_csv(const ReportView& view, ReportGroup group) {
    std::string text =
        "group,name,provider,requests,input_tokens,output_tokens,thinking_tokens,"
        "cache_read_tokens,cache_write_tokens,cost_usd_minor_units,cost_nanousd,"
        "unpriced_requests,incomplete_requests,error_requests,avg_latency_ms,p95_latency_ms,"
        "plan_requests,plan_cost_usd_minor_units,plan_cost_nanousd,plan_unpriced_requests,"
        "estimated_requests";
    text += view.previous ? ",delta_pct\r\n" : "\r\n";
    for (const auto& table : to_groups(view, group)) {
        for (const auto& row : table.rows) {
            text += fmt::format(
                "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", table.title,
                to_csv_field(row.name), to_csv_field(row.provider), row.requests, row.input_tokens,
                row.output_tokens, row.thinking_tokens, row.cache_read_tokens,
                row.cache_write_tokens, to_millicents(row.cost), row.cost.value,
                row.unpriced_requests, row.incomplete_requests, row.error_requests,
                to_csv_real(row.avg_latency_ms), to_csv_real(row.p95_latency_ms), row.plan_requests,
                to_millicents(row.plan_cost), row.plan_cost.value, row.plan_unpriced_requests,
                row.estimated_requests);
            if (view.previous) text += ',' + to_csv_real(find_delta(row, table.previous));
            text += "\r\n";
        }
    }
    return text;
}

}  // namespace halton::roles
