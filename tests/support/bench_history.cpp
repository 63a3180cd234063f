// What dashboards ask, over a file of make_history, timed beside the plain SQL over the same rows;
// and what the roll-ups cost the writer. Prints a table. The times are this machine's, the ratios
// are what to look at.
//     bench_history FILE [PART_OF_A_NAME [ours]]     "ours" leaves the plain SQL out
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "store/calls.h"
#include "store/reader.h"
#include "store/requests.h"
#include "store/row_groups.h"
#include "store/row_writer.h"
#include "store/sessions.h"
#include "store/usage.h"

using namespace halton;
using namespace std::chrono_literals;
using store::DayZone;
using store::Reader;
using store::RequestQuery;
using store::SessionQuery;
using store::UsageGroup;
using store::UsageQuery;
using Steady = std::chrono::steady_clock;

namespace {

double ms_since(Steady::time_point start) {
    return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

struct Case {
    std::string name;
    std::function<bool()> ours;
    std::string plain;  // statements, separated by ";"
};

// What both work on.
struct World {
    std::filesystem::path file;
    Reader reader;
    SQLite::Database plain;
    UtcTime now;
    std::string slug;
    std::int64_t project_id = 0;
    std::string session;

    explicit World(const std::filesystem::path& path)
        : file(path), reader(path, 600s), plain(path.string(), SQLite::OPEN_READONLY, 5000) {
        plain.exec("PRAGMA cache_size = -4096");
        plain.exec("PRAGMA temp_store = MEMORY");
        now =
            *parse_iso8601(plain.execAndGet("SELECT max(requested_at) FROM requests").getString());
        SQLite::Statement busiest(
            plain,
            "SELECT k.project_id, p.slug FROM usage_days JOIN usage_keys k ON k.id = key_id "
            "JOIN projects p ON p.id = k.project_id GROUP BY 1 ORDER BY sum(requests) DESC");
        busiest.executeStep();
        project_id = busiest.getColumn(0).getInt64();
        slug = busiest.getColumn(1).getString();
        session = plain
                      .execAndGet(
                          "SELECT session_id FROM requests WHERE session_id IS NOT NULL "
                          "ORDER BY requested_at DESC LIMIT 1")
                      .getString();
    }
};

int read_all(SQLite::Database& database, const std::string& statements) {
    int rows = 0;
    std::string rest = statements;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(';'), rest.size());
        SQLite::Statement select(database, rest.substr(0, end));
        while (select.executeStep()) ++rows;
        rest.erase(0, std::min(end + 1, rest.size()));
    }
    return rows;
}

constexpr const char* sums =
    "count(*), sum(input_tokens), sum(output_tokens), sum(thinking_tokens), "
    "sum(cache_read_tokens), sum(cache_write_tokens), sum(cost_nanousd), "
    "sum(cost_nanousd IS NULL), sum(tokens_complete = 0), sum(status <> 'success'), "
    "avg(latency_ms)";

std::vector<Case> make_cases(World& world) {
    std::vector<Case> cases;
    const auto days_ago = [&](int days) {
        return UtcTime(std::chrono::floor<std::chrono::days>(world.now)) -
               std::chrono::hours(24) * (days - 1);
    };
    const auto since = [&](int days) {
        return days == 0 ? std::string("1")
                         : fmt::format("requested_at >= '{}'", to_iso8601(days_ago(days)));
    };
    const auto usage = [&](const std::string& name, int days, std::vector<UsageGroup> groups,
                           const std::string& plain_groups,
                           const std::function<void(UsageQuery&)>& change = {},
                           const std::string& plain_filter = {}) {
        UsageQuery query;
        if (days > 0) query.from = days_ago(days);
        query.group_by = std::move(groups);
        if (change) change(query);
        cases.push_back(
            {fmt::format("{}, {}", name, days > 0 ? fmt::format("{} days", days) : "all time"),
             [&world, query] { return store::read_usage(world.reader, query).has_value(); },
             fmt::format("SELECT {}{} FROM requests WHERE {}{}{}",
                         plain_groups.empty() ? "" : plain_groups + ", ", sums, since(days),
                         plain_filter, plain_groups.empty() ? "" : " GROUP BY " + plain_groups)});
    };
    const auto day = std::string("substr(requested_at, 1, 10)");
    const auto berlin = [](UsageQuery& query) {
        query.zone.spans = {{UtcTime{}, 60min},
                            {*parse_iso8601("2025-03-30T01:00:00Z"), 120min},
                            {*parse_iso8601("2025-10-26T01:00:00Z"), 60min},
                            {*parse_iso8601("2026-03-29T01:00:00Z"), 120min},
                            {*parse_iso8601("2026-10-25T01:00:00Z"), 60min}};
    };
    const auto india = [](UsageQuery& query) { query.zone.spans = {{UtcTime{}, 330min}}; };
    const auto last_at = [](UsageQuery& query) { query.has_last_at = true; };
    const auto of_project = [&](UsageQuery& query) { query.project = world.slug; };

    cases.push_back({"all projects with their months",
                     [&] { return store::read_project_usage(world.reader, world.now).has_value(); },
                     "SELECT project_id, substr(requested_at, 1, 7), provider, model, count(*), "
                     "sum(cost_nanousd), max(requested_at) FROM requests GROUP BY 1, 2, 3, 4"});
    cases.push_back(
        {"one project with its months",
         [&] {
             return store::read_project_usage(world.reader, world.now, {}, world.slug).has_value();
         },
         fmt::format("SELECT substr(requested_at, 1, 7), provider, model, count(*), "
                     "sum(cost_nanousd), max(requested_at) FROM requests WHERE project_id = {} "
                     "GROUP BY 1, 2, 3",
                     world.project_id)});
    for (const int days : {30, 90, 365, 0}) {
        UsageQuery query;
        if (days > 0) query.from = days_ago(days);
        cases.push_back(
            {fmt::format("summary, {}", days > 0 ? fmt::format("{} days", days) : "all time"),
             [&world, query] { return store::read_usage_summary(world.reader, query).has_value(); },
             fmt::format("SELECT {}, count(DISTINCT project_id), count(DISTINCT model) "
                         "FROM requests WHERE {}",
                         sums, since(days))});
        usage("by day", days, {UsageGroup::day}, day);
        usage("by day and provider", days, {UsageGroup::day, UsageGroup::provider},
              day + ", provider");
        usage("by model", days, {UsageGroup::provider, UsageGroup::model}, "provider, model");
        usage("by project, last call", days, {UsageGroup::project}, "project_id", last_at);
        usage("by tool, last call", days, {UsageGroup::tool}, "client_tool", last_at);
        usage("by day of Berlin", days, {UsageGroup::day}, day, berlin);
        usage("by day of Berlin and model", days, {UsageGroup::day, UsageGroup::model},
              day + ", model", berlin);
    }
    usage("by day of India", 30, {UsageGroup::day}, day, india);
    usage("by day of India", 365, {UsageGroup::day}, day, india);
    usage("one project by day", 365, {UsageGroup::day}, day, of_project,
          fmt::format(" AND project_id = {}", world.project_id));
    usage("by hour and model", 7, {UsageGroup::hour, UsageGroup::model},
          "substr(requested_at, 1, 13), model");
    usage("by month and project", 0, {UsageGroup::month, UsageGroup::project},
          "substr(requested_at, 1, 7), project_id");
    usage("today", 1, {}, "");
    usage(
        "the month of a project and a model", 30, {}, "",
        [&](UsageQuery& query) {
            query.project = world.slug;
            query.model = "claude-sonnet-4-5-20250929";
        },
        fmt::format(" AND project_id = {} AND model = 'claude-sonnet-4-5-20250929'",
                    world.project_id));
    const auto report = [&](const char* name, const std::optional<std::string>& slug) {
        cases.push_back(
            {name,
             [&world, slug, from = days_ago(30)] {
                 UsageQuery query;
                 query.from = from;
                 query.to = world.now;
                 query.project = slug;
                 query.group_by = {UsageGroup::project, UsageGroup::provider, UsageGroup::model};
                 return store::read_usage(world.reader, query) &&
                        store::read_latencies(world.reader, {from, world.now, slug});
             },
             fmt::format(
                 "SELECT project_id, provider, model, {} FROM requests WHERE {}{} "
                 "GROUP BY 1, 2, 3; SELECT latency_ms FROM requests WHERE {}{}",
                 sums, since(30), slug ? fmt::format(" AND project_id = {}", world.project_id) : "",
                 since(30), slug ? fmt::format(" AND project_id = {}", world.project_id) : "")});
    };
    report("report of 30 days, with p95", std::nullopt);
    report("report of 30 days, one project", world.slug);

    const auto page = [&](const std::string& name, const std::string& where,
                          const std::function<void(RequestQuery&)>& change) {
        RequestQuery query;
        change(query);
        cases.push_back(
            {name,
             [&world, query] { return store::read_requests(world.reader, query).has_value(); },
             fmt::format("SELECT * FROM requests WHERE {0} ORDER BY requested_at DESC, id DESC "
                         "LIMIT {1}; SELECT count(*) FROM requests WHERE {0}",
                         where, query.limit)});
    };
    const auto in_project = fmt::format("project_id = {}", world.project_id);
    page("newest calls and how many", "1", [](RequestQuery&) {});
    page("newest calls of a project", in_project,
         [&](RequestQuery& query) { query.filter.project = world.slug; });
    page("calls of a project, page of a year ago",
         fmt::format("{} AND requested_at < '{}'", in_project, to_iso8601(days_ago(365))),
         [&](RequestQuery& query) {
             query.filter.project = world.slug;
             query.cursor = to_iso8601(days_ago(365)) + "_x";
         });
    page("newest calls of a project, rare provider", in_project + " AND provider = 'mistral'",
         [&](RequestQuery& query) {
             query.filter.project = world.slug;
             query.filter.provider = "mistral";
         });
    page("newest calls of a rare model", "model = 'mistral-large-2411'",
         [](RequestQuery& query) { query.filter.model = "mistral-large-2411"; });
    page("newest calls of a model that is gone", "model = 'nobody'",
         [](RequestQuery& query) { query.filter.model = "nobody"; });
    page("newest failures", "status <> 'success'",
         [](RequestQuery& query) { query.filter.only_errors = true; });
    page("newest failures of a project", in_project + " AND status <> 'success'",
         [&](RequestQuery& query) {
             query.filter.only_errors = true;
             query.filter.project = world.slug;
         });
    page("newest calls of a class of failures", "error_class = 'quota_exceeded'",
         [](RequestQuery& query) { query.filter.error_class = "quota_exceeded"; });
    page("calls of a session", fmt::format("session_id = '{}'", world.session),
         [&](RequestQuery& query) {
             query.filter.session_id = world.session;
             query.is_oldest_first = true;
         });
    for (const int days : {30, 0})
        cases.push_back(
            {fmt::format("failures by kind, {}", days ? "30 days" : "all time"),
             [&world, days, from = days_ago(30)] {
                 store::RequestFilter filter;
                 if (days) filter.from = from;
                 return store::read_error_groups(world.reader, filter).has_value();
             },
             fmt::format("SELECT provider, error_class, provider_error_code, http_status, "
                         "retryable, count(*), min(requested_at), max(requested_at) FROM requests "
                         "WHERE status <> 'success' AND {} GROUP BY 1, 2, 3, 4, 5",
                         since(days))});
    const auto sessions = [&](const std::string& name, int days, bool is_project,
                              const std::string& cursor) {
        SessionQuery query;
        if (days) query.from = days_ago(days);
        if (is_project) query.project = world.slug;
        query.cursor = cursor;
        const auto where = fmt::format(
            "session_id IS NOT NULL AND {}{}", since(days),
            is_project ? fmt::format(" AND project_id = {}", world.project_id) : std::string());
        cases.push_back(
            {name,
             [&world, query] { return store::read_sessions(world.reader, query).has_value(); },
             fmt::format("SELECT session_id, {}, min(requested_at), max(requested_at) FROM "
                         "requests WHERE {} GROUP BY 1 ORDER BY max(requested_at) DESC LIMIT 50",
                         sums, where)});
    };
    sessions("newest sessions, 30 days", 30, false, "");
    sessions("newest sessions, all time", 0, false, "");
    sessions("newest sessions of a project, all time", 0, true, "");
    sessions("sessions, page of a year ago", 0, false, to_iso8601(days_ago(365)) + "_x");
    for (const int days : {30, 0})
        cases.push_back(
            {fmt::format("sessions of each tool, {}", days ? "30 days" : "all time"),
             [&world, days, from = days_ago(30)] {
                 return store::read_tool_sessions(world.reader,
                                                  days ? std::optional(from) : std::nullopt, {})
                     .has_value();
             },
             fmt::format("SELECT client_tool, count(DISTINCT session_id), max(client_version) "
                         "FROM requests WHERE session_id IS NOT NULL AND {} GROUP BY 1",
                         since(days))});
    return cases;
}

void run_cases(World& world, const std::string& part, bool has_plain) {
    constexpr int rounds = 5;
    constexpr double slow_ms = 200;
    fmt::print("{:<48} {:>10} {:>10} {:>12} {:>9}\n", "query", "median ms", "worst ms",
               "plain SQL ms", "ratio");
    int slow_count = 0;
    for (const Case& query : make_cases(world)) {
        if (query.name.find(part) == std::string::npos) continue;
        std::vector<double> times;
        for (int i = 0; i < rounds; ++i) {
            const auto start = Steady::now();
            if (!query.ours()) fmt::print("{}: failed\n", query.name);
            times.push_back(ms_since(start));
        }
        std::sort(times.begin(), times.end());
        const auto start = Steady::now();
        if (has_plain) read_all(world.plain, query.plain);
        const double plain = ms_since(start);
        const double median = times[rounds / 2];
        slow_count += times.back() > slow_ms;
        fmt::print("{:<48} {:>10.2f} {:>10.2f} {:>12.1f} {:>9.1f}{}\n", query.name, median,
                   times.back(), plain, plain / median, times.back() > slow_ms ? "  SLOW" : "");
        std::fflush(stdout);
    }
    fmt::print("slower than {} ms: {}\n", slow_ms, slow_count);
}

// Microseconds of the writer for a row, in transactions as a busy daemon's.
double time_writer(const std::filesystem::path& file, bool has_rollups) {
    std::filesystem::remove_all(file.parent_path());
    std::filesystem::create_directories(file.parent_path());
    store::RowWriter writer(file);
    if (!has_rollups) {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, 5000);
        std::string drops;
        SQLite::Statement triggers(database,
                                   "SELECT name FROM sqlite_master WHERE type = 'trigger' AND "
                                   "name LIKE 'usage_of%'");
        while (triggers.executeStep())
            drops += fmt::format("DROP TRIGGER {};", triggers.getColumn(0).getString());
        triggers.reset();
        database.exec(drops +
                      "DELETE FROM usage_cover; DROP INDEX requests_latencies; DROP INDEX requests_errors; "
                      "DROP INDEX requests_by_session; "
                      "CREATE INDEX requests_by_time ON requests (requested_at)");
    }
    constexpr std::uint64_t row_count = 60'000;
    constexpr std::uint64_t rows_per_transaction = 50;
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 0; i < rows_per_transaction; ++i) {
        auto& call = calls.emplace_back(test::make_call(i));
        call.project_slug = fmt::format("project-{}", i % 6);
        call.model = fmt::format("claude-test-{}", i % 4);
        call.client = {"claude-code", "2.0.1", fmt::format("session-{}", i % 9), "", "", ""};
        call.user_agent = "claude-cli/2.0.1 (external, cli)";
        call.provider_request_id = "req_011CSHoEeqs5C35K2UUqR7Fy";
        if (i % 50 == 7) call.status = "error";
    }
    // Of the processor: others may be at work.
    const auto start = std::clock();
    for (std::uint64_t i = 0; i < row_count; i += rows_per_transaction) {
        writer.begin();
        for (std::uint64_t at = 0; at < rows_per_transaction; ++at) {
            auto& call = calls[at];
            // In no order, as real ids are.
            call.id = fmt::format("{:016x}-{:x}", (i + at) * 0x9e3779b97f4a7c15ull, i);
            call.requested_at = UtcTime(std::chrono::seconds(1'800'000'000 + 3 * (i + at)));
            writer.write(call);
        }
        writer.commit();
    }
    const double us = 1e6 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    return us / static_cast<double>(row_count);
}

void run_writer(const std::filesystem::path& folder) {
    double before = 1e9;
    double after = 1e9;
    for (int i = 0; i < 3; ++i) {
        before = std::min(before, time_writer(folder / "bench_writer" / "db.sqlite", false));
        after = std::min(after, time_writer(folder / "bench_writer" / "db.sqlite", true));
    }
    std::filesystem::remove_all(folder / "bench_writer");
    fmt::print("writer, us a row: {:.1f} without roll-ups, {:.1f} with them: {:.2f} times\n",
               before, after, after / before);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 4) {
        fmt::print(stderr, "bench_history FILE [PART_OF_A_NAME [ours]]\n");
        return 2;
    }
    const std::string part = argc > 2 ? argv[2] : "";
    try {
        World world(argv[1]);
        if (part != "writer") run_cases(world, part, argc < 4);
        if (part.empty() || part == "writer")
            run_writer(std::filesystem::absolute(world.file).parent_path());
    } catch (const SQLite::Exception& error) {
        fmt::print(stderr, "bench_history: {}\n", error.what());
        return 1;
    }
    return 0;
}
