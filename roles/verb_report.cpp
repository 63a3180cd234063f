// `report`: what the calls of a period cost, straight from the database; works with everything
// else down. Parses its flags, asks store/, prints.
#include <algorithm>
#include <cstdio>
#include <map>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/count_text.h"
#include "roles/exit_code.h"
#include "roles/period.h"
#include "roles/report_text.h"
#include "roles/verbs.h"
#include "store/projects.h"
#include "store/reports.h"
#include "store/row_groups.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter report";
constexpr std::chrono::hours default_period{30 * 24};

struct Asked {
    UtcTime from;
    UtcTime to;
    store::DayZone zone;
    std::optional<std::string> project;
};

std::optional<store::UsageGroup> usage_group_of(ReportGroup group) {
    using store::UsageGroup;
    switch (group) {
        case ReportGroup::project: return UsageGroup::project;
        case ReportGroup::model: return UsageGroup::model;
        case ReportGroup::provider: return UsageGroup::provider;
        case ReportGroup::tool: return UsageGroup::tool;
        case ReportGroup::day: return UsageGroup::day;
        case ReportGroup::week: return UsageGroup::week;
        case ReportGroup::month: return UsageGroup::month;
        case ReportGroup::session:
        case ReportGroup::branch:
        case ReportGroup::error: break;
    }
    return std::nullopt;
}

store::RowGroup row_group_of(ReportGroup group) {
    if (group == ReportGroup::session) return store::RowGroup::session;
    return group == ReportGroup::branch ? store::RowGroup::branch : store::RowGroup::error;
}

Result<std::vector<ReportLine>> read_lines(store::Reader& reader, const Asked& asked,
                                           ReportGroup group) {
    std::vector<ReportLine> lines;
    const auto usage_group = usage_group_of(group);
    if (!usage_group) {
        auto rows = store::read_row_groups(reader, {asked.from, asked.to, asked.project},
                                           row_group_of(group));
        if (!rows) return fail(rows.error());
        for (auto& row : *rows)
            lines.push_back({std::move(row.name), std::move(row.detail), row.sums, std::nullopt,
                             group == ReportGroup::session ? std::move(row.last_at) : ""});
        return lines;
    }
    store::UsageQuery query;
    query.from = asked.from;
    query.to = asked.to;
    query.zone = asked.zone;
    query.project = asked.project;
    query.group_by = {*usage_group};
    if (group == ReportGroup::model) query.group_by.push_back(store::UsageGroup::provider);
    auto rows = store::read_usage(reader, query);
    if (!rows) return fail(rows.error());
    for (auto& row : *rows) {
        // One of them has the name, by what was asked for.
        std::string name = row.period + row.project + row.tool;
        if (group == ReportGroup::model) name = row.model;
        if (group == ReportGroup::provider) name = row.provider;
        lines.push_back({std::move(name), group == ReportGroup::model ? row.provider : "", row.sums,
                         std::nullopt, ""});
    }
    return lines;
}

ReportLine sum_up(const std::vector<ReportLine>& lines) {
    ReportLine total;
    for (const auto& line : lines) total.sums.add(line.sums);
    return total;
}

// Models with such calls, most first; one that several providers have counts as one.
std::vector<std::pair<std::string, std::int64_t>> list_models(
    const std::vector<ReportLine>& models, std::int64_t store::UsageSums::*count) {
    std::map<std::string, std::int64_t> by_name;
    for (const auto& line : models)
        if (line.sums.*count > 0) by_name[line.name] += line.sums.*count;
    std::vector<std::pair<std::string, std::int64_t>> list(by_name.begin(), by_name.end());
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    return list;
}

Result<ReportView> read_view(store::Reader& reader, const Asked& asked,
                             const std::vector<ReportGroup>& groups, bool has_previous) {
    ReportView view;
    view.from = asked.from;
    view.to = asked.to;
    view.zone = asked.zone;
    view.project = asked.project;
    const auto models = read_lines(reader, asked, ReportGroup::model);
    if (!models) return fail(models.error());
    const auto projects = read_lines(reader, asked, ReportGroup::project);
    if (!projects) return fail(projects.error());
    view.totals = sum_up(*models);
    view.model_count = static_cast<std::int64_t>(models->size());
    view.project_count = static_cast<std::int64_t>(projects->size());
    view.unpriced = list_models(*models, &store::UsageSums::unpriced_requests);
    view.incomplete = list_models(*models, &store::UsageSums::incomplete_requests);
    Asked before = asked;
    before.to = asked.from;
    before.from = asked.from - (asked.to - asked.from);
    if (has_previous) {
        const auto lines = read_lines(reader, before, ReportGroup::model);
        if (!lines) return fail(lines.error());
        view.previous_totals = sum_up(*lines);
    }
    store::Latencies latencies;
    view.has_percentiles = view.totals.sums.requests <= limits::report_p95_rows_max;
    if (view.has_percentiles) {
        auto read = store::read_latencies(reader, {asked.from, asked.to, asked.project});
        if (!read) return fail(read.error());
        latencies = std::move(*read);
    }
    if (latencies.total) view.totals.p95_latency_ms = latencies.total->p95_ms;
    for (const auto group : groups) {
        ReportTable table;
        table.group = group;
        auto lines = group == ReportGroup::model     ? *models
                     : group == ReportGroup::project ? *projects
                                                     : std::vector<ReportLine>{};
        if (group != ReportGroup::model && group != ReportGroup::project) {
            auto read = read_lines(reader, asked, group);
            if (!read) return fail(read.error());
            lines = std::move(*read);
        }
        for (auto& line : lines) {
            const auto project = latencies.by_project.find(line.name);
            const auto model = latencies.by_model.find({line.name, line.detail});
            if (group == ReportGroup::project && project != latencies.by_project.end())
                line.p95_latency_ms = project->second.p95_ms;
            if (group == ReportGroup::model && model != latencies.by_model.end())
                line.p95_latency_ms = model->second.p95_ms;
        }
        table.lines = std::move(lines);
        if (has_previous) {
            auto previous = read_lines(reader, before, group);
            if (!previous) return fail(previous.error());
            table.previous = std::move(*previous);
        }
        view.tables.push_back(std::move(table));
    }
    return view;
}

// Why there is nothing to see, and what to type next.
std::string explain_empty(const std::filesystem::path& database, const Asked& asked) {
    const auto facts = store::read_database_facts(database);
    if (!facts || facts->request_count == 0)
        return "No call has been metered yet.\n"
               "Next: halton-meter status, then halton-meter run -- <your tool>\n";
    const auto newest = facts->newest_request_at ? to_iso8601(*facts->newest_request_at) : "";
    if (asked.project)
        return fmt::format(
            "No call of project '{}' in this period.\n"
            "Next: halton-meter report --by project\n",
            to_safe_text(*asked.project, 128));
    return fmt::format(
        "No call in this period; the newest of {} is of {}.\n"
        "Next: halton-meter report --from {}\n",
        with_separators(facts->request_count), newest, newest.substr(0, 10));
}

}  // namespace

int run_report(int argc, char** argv) {
    cxxopts::Options options(verb_name,
                             "Prints what the metered calls cost; the last 30 days by default.\n"
                             "Reads the database directly, so it works with the daemon stopped.\n");
    const auto text = [] { return cxxopts::value<std::string>(); };
    add_period_flags(options);
    options.add_options()("by", "only this table", text(), report_group_choices())(
        "project", "only this project", text(), "SLUG")(
        "vs-previous", "compare with the period of equal length before")(
        "csv", "as CSV; money in millicents (1 USD = 100000) and nano-dollars")(
        "json", "as JSON; money as in --csv")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto period = read_period(flags, system_clock().now_utc(), default_period);
    if (!period) return report_usage_error(verb_name, period.error().context.c_str());
    std::vector<ReportGroup> groups{ReportGroup::project, ReportGroup::model};
    if (flags.count("by") > 0) {
        const auto group = parse_report_group(flags["by"].as<std::string>());
        if (!group)
            return report_usage_error(
                verb_name, fmt::format("--by wants one of {}", report_group_choices()).c_str());
        groups = {*group};
    }
    const bool is_json = flags.count("json") > 0;
    const bool is_csv = flags.count("csv") > 0;
    if (is_json && is_csv)
        return report_usage_error(verb_name, "--json and --csv exclude each other");

    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "doctor");
    Asked asked{period->from, period->to, period->zone, std::nullopt};
    if (flags.count("project") > 0)
        asked.project =
            store::find_current_slug(home->database_file(), flags["project"].as<std::string>());
    // By session, branch or error every row of the period is looked at.
    store::Reader reader(home->database_file(), std::chrono::minutes(5));
    auto view = read_view(reader, asked, groups, flags.count("vs-previous") > 0);
    // No database yet is an empty one: nothing was metered so far.
    if (!view && view.error().kind == ErrorKind::not_found) {
        view = ReportView{};
        view->from = asked.from;
        view->to = asked.to;
        view->project = asked.project;
        for (const auto group : groups) view->tables.push_back({group, {}, {}});
        if (flags.count("vs-previous") > 0) view->previous_totals = ReportLine{};
    }
    if (!view)
        return report_failure(fmt::format("cannot read the database: {}", view.error().context),
                              "status");
    view->zone_name = period->zone_name;
    if (is_json) {
        fmt::print("{}", to_report_json(*view));
    } else if (is_csv) {
        fmt::print("{}", to_report_csv(*view));
    } else if (view->totals.sums.requests == 0) {
        fmt::print("{}", explain_empty(home->database_file(), asked));
    } else {
        const ReportStyle style{platform::terminal_columns(), platform::speaks_utf8()};
        fmt::print("{}", to_report_text(*view, style));
    }
    return exit_done;
}

}  // namespace halton::roles
