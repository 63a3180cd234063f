// `report`: what the calls of a period cost, straight from the database; works with everything
// else down. Parses its flags, asks store/, prints.
#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/text.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/report_text.h"
#include "roles/verbs.h"
#include "store/projects.h"
#include "store/reports.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter report";
constexpr std::chrono::hours default_period{30 * 24};
constexpr std::chrono::hours day{24};

// The last midnight of this machine's time zone.
UtcTime local_midnight(UtcTime now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    local.tm_hour = local.tm_min = local.tm_sec = 0;
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::from_time_t(std::mktime(&local)));
}

// The period that the flags name. Errors: malformed.
Result<store::ReportQuery> read_period(const cxxopts::ParseResult& flags, UtcTime now) {
    const bool has_since = flags.count("since") > 0;
    const bool has_dates = flags.count("from") > 0 || flags.count("to") > 0;
    if (has_since + has_dates + (flags.count("today") > 0) > 1)
        return fail(ErrorKind::malformed, "--since, --today and --from/--to exclude each other");
    store::ReportQuery query;
    // A call of this very moment counts.
    query.to = now + std::chrono::seconds(1);
    query.from = now - default_period;
    if (has_since) {
        const auto period = parse_since(flags["since"].as<std::string>());
        if (!period) return fail(period.error());
        query.from = now - *period;
    }
    if (flags.count("today") > 0) query.from = local_midnight(now);
    if (flags.count("to") > 0) {
        const auto last_day = parse_date(flags["to"].as<std::string>());
        if (!last_day) return fail(last_day.error());
        query.to = *last_day + day;
        query.from = query.to - default_period;
    }
    if (flags.count("from") > 0) {
        const auto first_day = parse_date(flags["from"].as<std::string>());
        if (!first_day) return fail(first_day.error());
        query.from = *first_day;
    }
    if (query.from >= query.to)
        return fail(ErrorKind::malformed, "the period ends before it begins");
    if (flags.count("project") > 0) query.project_slug = flags["project"].as<std::string>();
    return query;
}

Result<ReportGroup> read_group(const cxxopts::ParseResult& flags) {
    if (flags.count("by") == 0) return ReportGroup::both;
    const auto by = flags["by"].as<std::string>();
    if (by == "project") return ReportGroup::project;
    if (by == "model") return ReportGroup::model;
    if (by == "provider") return ReportGroup::provider;
    return fail(ErrorKind::malformed, "--by wants project, model or provider");
}

// Why there is nothing to see, and what to type next.
std::string explain_empty(const std::filesystem::path& database, const store::ReportQuery& query) {
    const auto facts = store::read_database_facts(database);
    if (!facts || facts->request_count == 0)
        return "No call has been metered yet.\n"
               "Next: halton-meter status, then halton-meter run -- <your tool>\n";
    const auto newest = facts->newest_request_at ? to_iso8601(*facts->newest_request_at) : "";
    if (query.project_slug)
        return fmt::format(
            "No call of project '{}' in this period.\n"
            "Next: halton-meter report --by project\n",
            to_safe_text(*query.project_slug, 128));
    return fmt::format(
        "No call in this period; the newest of {} is of {}.\n"
        "Next: halton-meter report --from {}\n",
        facts->request_count, newest, newest.substr(0, 10));
}

}  // namespace

int run_report(int argc, char** argv) {
    cxxopts::Options options(verb_name,
                             "Prints what the metered calls cost; the last 30 days by default.\n"
                             "Reads the database directly, so it works with the daemon stopped.\n");
    const auto text = [] { return cxxopts::value<std::string>(); };
    options.add_options()("since", "a period up to now: 5m, 12h, 7d, 2w, or a number of days",
                          text(), "PERIOD")("from", "first day, UTC (YYYY-MM-DD)", text(), "DATE")(
        "to", "last day, UTC, included", text(), "DATE")("today", "since midnight here")(
        "by", "only this table: project, model or provider", text(), "GROUP")(
        "project", "only this project", text(), "SLUG")(
        "vs-previous", "compare with the period of equal length before")(
        "csv", "as CSV; money in millicents (1 USD = 100000) and nano-dollars")(
        "json", "as JSON; money as in --csv")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    auto query = read_period(flags, system_clock().now_utc());
    if (!query) return report_usage_error(verb_name, query.error().context.c_str());
    const auto group = read_group(flags);
    if (!group) return report_usage_error(verb_name, group.error().context.c_str());
    const bool is_json = flags.count("json") > 0;
    const bool is_csv = flags.count("csv") > 0;
    if (is_json && is_csv)
        return report_usage_error(verb_name, "--json and --csv exclude each other");

    const auto home = platform::find_home();
    if (!home) {
        fmt::print(stderr, "halton-meter: {}\n", home.error().context);
        return exit_failed;
    }
    if (query->project_slug)
        query->project_slug =
            store::find_current_slug(home->database_file(), *query->project_slug);
    ReportView view{*query, {}, std::nullopt};
    const auto read = [&home](const store::ReportQuery& wanted) -> Result<store::Report> {
        auto report = store::read_report(home->database_file(), wanted);
        // No database yet is an empty one: nothing was metered so far.
        if (!report && report.error().kind == ErrorKind::not_found) return store::Report{};
        return report;
    };
    auto report = read(*query);
    if (report && flags.count("vs-previous") > 0) {
        store::ReportQuery before = *query;
        before.to = query->from;
        before.from = query->from - (query->to - query->from);
        auto previous = read(before);
        if (previous)
            view.previous = std::move(*previous);
        else
            report = fail(previous.error());
    }
    if (!report) {
        fmt::print(stderr, "halton-meter: cannot read the database: {}; see halton-meter status\n",
                   report.error().context);
        return exit_failed;
    }
    view.report = std::move(*report);

    if (is_json) {
        fmt::print("{}", to_report_json(view, *group));
    } else if (is_csv) {
        fmt::print("{}", to_report_csv(view, *group));
    } else if (view.report.totals.requests == 0) {
        fmt::print("{}", explain_empty(home->database_file(), *query));
    } else {
        const ReportStyle style{*group, platform::terminal_columns(), platform::speaks_utf8()};
        fmt::print("{}", to_report_text(view, style));
    }
    return exit_done;
}

}  // namespace halton::roles
