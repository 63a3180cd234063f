#include "roles/report_text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "api/csv.h"
#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/version.h"
#include "roles/count_text.h"
#include "roles/local_time.h"
#include "roles/table.h"

namespace halton::roles {
namespace {

constexpr std::size_t name_bytes_max = 60;

struct NamedGroup {
    ReportGroup group;
    std::string_view name;
    std::string_view detail;  // what JSON and CSV call a line's detail; empty: there is none
    bool shows_detail;        // people see it too
};
constexpr std::array named_groups{
    NamedGroup{ReportGroup::project, "project", "", false},
    NamedGroup{ReportGroup::model, "model", "provider", false},
    NamedGroup{ReportGroup::provider, "provider", "", false},
    NamedGroup{ReportGroup::tool, "tool", "", false},
    NamedGroup{ReportGroup::day, "day", "", false},
    NamedGroup{ReportGroup::week, "week", "", false},
    NamedGroup{ReportGroup::month, "month", "", false},
    NamedGroup{ReportGroup::session, "session", "tool", true},
    NamedGroup{ReportGroup::branch, "branch", "project", true},
    NamedGroup{ReportGroup::error, "error", "code", true},
};

const NamedGroup& facts_of(ReportGroup group) {
    return *std::find_if(named_groups.begin(), named_groups.end(),
                         [group](const NamedGroup& each) { return each.group == group; });
}

std::string to_milliseconds(std::optional<double> latency) {
    return latency ? fmt::format("{} ms", with_separators(std::llround(*latency))) : "-";
}

// An unpriced row is not a free one: a group without any price shows that.
std::string to_cost(const ReportLine& line) {
    if (line.is_unknown_cost()) return "unknown";
    if (line.sums.requests > 0 && line.sums.plan_requests == line.sums.requests) return "-";
    return to_dollar_text(line.sums.cost);
}

std::string to_plan_cost(const ReportLine& line) {
    if (line.sums.plan_requests == 0) return "-";
    if (line.sums.plan_unpriced_requests == line.sums.plan_requests) return "unknown";
    return to_dollar_text(line.sums.plan_cost);
}

std::string shown_name(const std::string& name) {
    return name.empty() ? "(unknown)" : to_safe_text(name, name_bytes_max);
}

// (now - before) / before in percent; nothing when there was nothing before.
std::optional<double> find_delta(const ReportLine& line, const std::vector<ReportLine>& previous) {
    const auto before = std::find_if(previous.begin(), previous.end(), [&](const auto& other) {
        return other.name == line.name && other.detail == line.detail;
    });
    if (before == previous.end() || before->sums.cost.value == 0) return std::nullopt;
    return 100.0 * static_cast<double>(line.sums.cost.value - before->sums.cost.value) /
           static_cast<double>(before->sums.cost.value);
}

std::string to_table(const ReportView& view, const ReportTable& table, int width) {
    const NamedGroup& facts = facts_of(table.group);
    const bool has_previous = view.previous_totals.has_value();
    std::vector<Column> columns{{std::string(facts.name), false, 0, true}};
    if (facts.shows_detail) columns.push_back({std::string(facts.detail), false, 5, true});
    columns.insert(columns.end(), {{"requests", true, 0}, {"in", true, 2}, {"out", true, 1}});
    const bool is_error = table.group == ReportGroup::error;
    if (!is_error) columns.push_back({"cost", true, 0});
    const bool has_plan =
        !is_error && std::any_of(table.lines.begin(), table.lines.end(),
                                 [](const auto& line) { return line.sums.plan_requests > 0; });
    if (has_plan) columns.push_back({"plan use", true, 0});
    const bool has_latency = table.group == ReportGroup::project;
    if (has_latency) {
        columns.push_back({"avg latency", true, 3});
        columns.push_back({"p95", true, 4});
    }
    const bool has_last = table.group == ReportGroup::session;
    if (has_last) columns.push_back({"last call", false, 3});
    if (has_previous && !is_error) columns.push_back({"change", true, 0});
    std::vector<std::vector<std::string>> rows;
    const bool is_period = table.group == ReportGroup::day || table.group == ReportGroup::week ||
                           table.group == ReportGroup::month;
    const auto shown = is_period ? table.lines.size()
                                 : std::min(table.lines.size(), limits::report_shown_rows_max);
    for (std::size_t i = 0; i < shown; ++i) {
        const ReportLine& line = table.lines[i];
        std::vector<std::string> row{shown_name(line.name)};
        if (facts.shows_detail)
            row.push_back(line.detail.empty() ? "-" : to_safe_text(line.detail, name_bytes_max));
        row.push_back(with_separators(line.sums.requests));
        row.push_back(with_separators(line.sums.input_tokens));
        row.push_back(with_separators(line.sums.output_tokens));
        if (!is_error) row.push_back(to_cost(line));
        if (has_plan) row.push_back(to_plan_cost(line));
        if (has_latency) {
            row.push_back(to_milliseconds(line.sums.avg_latency_ms()));
            row.push_back(to_milliseconds(line.p95_latency_ms));
        }
        if (has_last) {
            const auto last = parse_iso8601(line.last_at);
            row.push_back(last ? to_local_text(*last, view.zone).substr(0, 16) : "-");
        }
        if (has_previous && !is_error) {
            const auto delta = find_delta(line, table.previous);
            row.push_back(delta ? fmt::format("{:+.0f}%", *delta) : "-");
        }
        rows.push_back(std::move(row));
    }
    if (rows.empty())
        return fmt::format("  No {} in this period.\n",
                           is_error ? "error" : fmt::format("call with a {}", facts.name));
    auto text = render_table(columns, std::move(rows), width);
    if (shown < table.lines.size())
        text += fmt::format("  ... and {} more; all of them: --csv or --json\n",
                            with_separators(static_cast<std::int64_t>(table.lines.size() - shown)));
    return text;
}

void write_sums(JsonWriter& json, const ReportLine& line) {
    const store::UsageSums& sums = line.sums;
    json.number("requests", sums.requests);
    json.number("input_tokens", sums.input_tokens);
    json.number("output_tokens", sums.output_tokens);
    json.number("thinking_tokens", sums.thinking_tokens);
    json.number("cache_read_tokens", sums.cache_read_tokens);
    json.number("cache_write_tokens", sums.cache_write_tokens);
    json.number("cost_usd_minor_units", to_millicents(sums.cost));
    json.number("cost_nanousd", sums.cost.value);
    json.number("plan_requests", sums.plan_requests);
    json.number("plan_cost_usd_minor_units", to_millicents(sums.plan_cost));
    json.number("plan_cost_nanousd", sums.plan_cost.value);
    json.number("plan_unpriced_requests", sums.plan_unpriced_requests);
    json.number("estimated_requests", sums.estimated_requests);
    json.number("unpriced_requests", sums.unpriced_requests);
    json.number("incomplete_requests", sums.incomplete_requests);
    json.number("error_requests", sums.error_requests);
    json.real_or_null("avg_latency_ms", sums.avg_latency_ms());
    json.real_or_null("p95_latency_ms", line.p95_latency_ms);
}

std::string to_csv_real(std::optional<double> value) {
    return value ? fmt::format("{:.3f}", *value) : "";
}

// "a (2), b (1) and 3 more models".
std::string to_name_list(const std::vector<std::pair<std::string, std::int64_t>>& models) {
    constexpr std::size_t named_max = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(models.size(), named_max); ++i)
        text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", shown_name(models[i].first),
                            with_separators(models[i].second));
    if (models.size() > named_max)
        text += fmt::format(
            " and {}", counted(static_cast<std::int64_t>(models.size() - named_max), "more model"));
    return text;
}

std::string to_notes(const ReportView& view) {
    const auto& sums = view.totals.sums;
    std::string notes;
    if (sums.unpriced_requests > 0) {
        notes +=
            fmt::format("  {} without a known price (counted as $0): {}\n",
                        counted(sums.unpriced_requests, "request"), to_name_list(view.unpriced));
        notes += "    Next: halton-meter pricing check, or halton-meter explain last\n";
    }
    if (sums.estimated_requests > 0)
        notes += fmt::format("  {} with an estimated price\n",
                             counted(sums.estimated_requests, "request"));
    if (sums.incomplete_requests > 0)
        notes += fmt::format("  {} cut short (their tokens are partial): {}\n",
                             counted(sums.incomplete_requests, "request"),
                             to_name_list(view.incomplete));
    if (sums.error_requests > 0)
        notes += fmt::format("  {} not successful: halton-meter errors\n",
                             counted(sums.error_requests, "request"));
    const bool wants_percentiles =
        std::any_of(view.tables.begin(), view.tables.end(),
                    [](const auto& table) { return table.group == ReportGroup::project; });
    if (!view.has_percentiles && wants_percentiles)
        notes += fmt::format("  p95 is left out above {} requests: ask for a shorter period\n",
                             with_separators(limits::report_p95_rows_max));
    return notes.empty() ? notes : '\n' + notes;
}

}  // namespace

std::string_view name_of(ReportGroup group) { return facts_of(group).name; }

std::optional<ReportGroup> parse_report_group(std::string_view name) {
    for (const auto& each : named_groups)
        if (each.name == name) return each.group;
    return std::nullopt;
}

std::string report_group_choices() {
    std::string text;
    for (const auto& each : named_groups)
        text += (text.empty() ? "" : "|") + std::string(each.name);
    return text;
}

bool ReportLine::is_unknown_cost() const {
    return sums.requests > sums.plan_requests &&
           sums.unpriced_requests - sums.plan_unpriced_requests ==
               sums.requests - sums.plan_requests;
}

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
    const auto& sums = view.totals.sums;
    const std::string arrow = style.has_unicode ? "\u2192" : "to";
    const std::string mark = style.has_unicode ? "\u2713" : "*";
    // The last moment that counts belongs to the last day shown.
    const auto last = view.to - std::chrono::microseconds(1);
    std::string text = fmt::format("halton-meter {}  cost report  {} {} {} ({})\n\n", version(),
                                   to_local_text(view.from, view.zone).substr(0, 10), arrow,
                                   to_local_text(last, view.zone).substr(0, 10), view.zone_name);
    text += fmt::format("  {} {} in {}, {}\n", mark, counted(sums.requests, "request"),
                        counted(view.project_count, "project"), counted(view.model_count, "model"));
    text += fmt::format("  {} {} tokens in, {} out\n", mark, with_separators(sums.input_tokens),
                        with_separators(sums.output_tokens));
    text += fmt::format("  {} {} total cost", mark, to_cost(view.totals));
    if (view.previous_totals) {
        ReportLine before = *view.previous_totals;
        before.name = view.totals.name;
        const auto delta = find_delta(view.totals, {before});
        text += delta ? fmt::format(" ({:+.0f}% against {} before)", *delta,
                                    to_dollar_text(before.sums.cost))
                      : " (nothing to compare with before)";
    }
    text += '\n';
    if (sums.plan_requests > 0)
        text += fmt::format(
            "  {} {} worth of plan use in {} (list prices; not charged, not in the "
            "total)\n",
            mark, to_plan_cost(view.totals), counted(sums.plan_requests, "request"));
    text = wrap_text(text, style.width);
    for (const auto& table : view.tables) text += '\n' + to_table(view, table, style.width);
    return text + wrap_text(to_notes(view), style.width);
}

std::string to_report_json(const ReportView& view) {
    JsonWriter json;
    json.begin_object();
    json.text("version", version());
    json.text("from", to_iso8601(view.from)).text("to", to_iso8601(view.to));
    json.text("zone", view.zone_name);
    json.text_or_null("project", view.project);
    json.begin_object("totals");
    json.number("projects", view.project_count).number("models", view.model_count);
    write_sums(json, view.totals);
    if (view.previous_totals)
        json.real_or_null("delta_pct", find_delta(view.totals, {*view.previous_totals}));
    json.end();
    for (const auto& table : view.tables) {
        const NamedGroup& facts = facts_of(table.group);
        json.begin_array(fmt::format("by_{}", facts.name));
        for (const auto& line : table.lines) {
            json.begin_object().text(facts.name, line.name);
            if (!facts.detail.empty()) json.text(facts.detail, line.detail);
            if (!line.last_at.empty()) json.text("last_request_at", line.last_at);
            write_sums(json, line);
            if (view.previous_totals)
                json.real_or_null("delta_pct", find_delta(line, table.previous));
            json.end();
        }
        json.end();
    }
    json.end();
    return json.finish();
}

std::string to_report_csv(const ReportView& view) {
    std::string text =
        "group,name,provider,requests,input_tokens,output_tokens,thinking_tokens,"
        "cache_read_tokens,cache_write_tokens,cost_usd_minor_units,cost_nanousd,"
        "unpriced_requests,incomplete_requests,error_requests,avg_latency_ms,p95_latency_ms,"
        "plan_requests,plan_cost_usd_minor_units,plan_cost_nanousd,plan_unpriced_requests,"
        "estimated_requests,detail";
    text += view.previous_totals ? ",delta_pct\r\n" : "\r\n";
    for (const auto& table : view.tables) {
        const NamedGroup& facts = facts_of(table.group);
        for (const auto& line : table.lines) {
            const auto& sums = line.sums;
            text += fmt::format(
                "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", facts.name,
                api::to_csv_field(line.name),
                facts.detail == "provider" ? api::to_csv_field(line.detail) : "", sums.requests,
                sums.input_tokens, sums.output_tokens, sums.thinking_tokens, sums.cache_read_tokens,
                sums.cache_write_tokens, to_millicents(sums.cost), sums.cost.value,
                sums.unpriced_requests, sums.incomplete_requests, sums.error_requests,
                to_csv_real(sums.avg_latency_ms()), to_csv_real(line.p95_latency_ms),
                sums.plan_requests, to_millicents(sums.plan_cost), sums.plan_cost.value,
                sums.plan_unpriced_requests, sums.estimated_requests,
                api::to_csv_field(line.detail));
            if (view.previous_totals) text += ',' + to_csv_real(find_delta(line, table.previous));
            text += "\r\n";
        }
    }
    return text;
}

}  // namespace halton::roles
