#include "store/reports.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include "base/text.h"
#include "store/columns.h"
#include "store/fast_rows.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/usage.h"

namespace halton::store {
namespace {

namespace fs = std::filesystem;

// Runs `read` on an open database and turns SQLite's exceptions into values.
template <class Value, class Read>
Result<Value> with_database(const fs::path& file, Read read) {
    std::error_code failed;
    if (!fs::exists(file, failed))
        return fail(ErrorKind::not_found, fmt::format("no database at {}", file.string()));
    try {
        SQLite::Database database = open_read_only(file);
        return read(database);
    } catch (const SQLite::Exception& error) {
        return fail(ErrorKind::io,
                    fmt::format("{}: {}", file.string(), to_safe_text(error.what(), 200)));
    }
}

// One group of rows while it is summed up.
struct Sum {
    ReportRow row;
    // Four bytes each: a report over millions of rows stays small, and nobody reads a fraction of
    // a millisecond.
    std::vector<float> latencies;

    void add(const ReportRow& more) { row.add(more); }

    // Mean and nearest rank: the value at position ceil(0.95 n) of the sorted ones.
    ReportRow finish() {
        if (latencies.empty()) return row;
        double total = 0;
        for (const float latency : latencies) total += static_cast<double>(latency);
        row.avg_latency_ms = total / static_cast<double>(latencies.size());
        const auto rank = (latencies.size() * 95 + 99) / 100;
        const auto at = latencies.begin() + static_cast<std::ptrdiff_t>(rank - 1);
        std::nth_element(latencies.begin(), at, latencies.end());
        row.p95_latency_ms = static_cast<double>(*at);
        return row;
    }
};

using ModelKey = std::pair<std::string, std::string>;  // model, provider

struct Sums {
    Sum totals;
    std::map<std::string, Sum, std::less<>> by_project;
    std::map<ModelKey, Sum> by_model;
};

ReportRow to_row(const UsageRow& usage) {
    const UsageSums& sums = usage.sums;
    ReportRow row;
    row.requests = sums.requests;
    row.input_tokens = sums.input_tokens;
    row.output_tokens = sums.output_tokens;
    row.thinking_tokens = sums.thinking_tokens;
    row.cache_read_tokens = sums.cache_read_tokens;
    row.cache_write_tokens = sums.cache_write_tokens;
    row.cost = sums.cost;
    row.unpriced_requests = sums.unpriced_requests;
    row.estimated_requests = sums.estimated_requests;
    row.plan_requests = sums.plan_requests;
    row.plan_unpriced_requests = sums.plan_unpriced_requests;
    row.plan_cost = sums.plan_cost;
    row.incomplete_requests = sums.incomplete_requests;
    row.error_requests = sums.error_requests;
    return row;
}

Result<void> read_sums(SQLite::Database& database, const ReportQuery& query, Sums& sums) {
    UsageQuery usage;
    usage.from = query.from;
    usage.to = query.to;
    usage.project = query.project_slug;
    usage.group_by = {UsageGroup::project, UsageGroup::provider, UsageGroup::model};
    const auto rows = read_usage_rows(database, usage);
    if (!rows) return fail(rows.error());
    for (const UsageRow& row : *rows) {
        const ReportRow more = to_row(row);
        sums.totals.add(more);
        sums.by_project[row.project].add(more);
        sums.by_model[{row.model, row.provider}].add(more);
    }
    return {};
}

// Whose a latency is, as the row says it. Looked up with views of SQLite's own bytes: there are
// hundreds of thousands of rows and a few hundred of these.
struct Owner {
    std::int64_t project_id = 0;
    std::string_view model;
    std::string_view provider;
    bool operator==(const Owner&) const = default;
};

struct OwnerHash {
    std::size_t operator()(const Owner& owner) const {
        const std::hash<std::string_view> hash;
        return hash(owner.model) * 31 + hash(owner.provider) +
               static_cast<std::size_t>(owner.project_id) * 0x9e3779b9u;
    }
};

// All that is read here is in the index requests_latencies.
void read_latencies(SQLite::Database& database, const Columns& columns, const ReportQuery& query,
                    Sums& sums) {
    if (!columns.has("latency_ms")) return;
    std::string sql = fmt::format(
        "SELECT r.latency_ms, r.project_id, {}, {} FROM requests r "
        "WHERE r.requested_at >= ?1 AND r.requested_at < ?2 AND r.latency_ms IS NOT NULL",
        columns.of("model", "''"), columns.of("provider", "''"));
    if (query.project_slug) sql += " AND +r.project_id = (SELECT id FROM projects WHERE slug = ?3)";
    FastRows rows(database, sql);
    rows.bind(1, to_iso8601(query.from));
    rows.bind(2, to_iso8601(query.to));
    if (query.project_slug) rows.bind(3, *query.project_slug);
    std::deque<std::string> texts;
    std::unordered_map<Owner, std::vector<float>, OwnerHash> latencies;
    while (rows.step()) {
        const auto latency = static_cast<float>(rows.real(0));
        Owner owner{rows.number(1), rows.text(2), rows.text(3)};
        auto found = latencies.find(owner);
        if (found == latencies.end()) {
            owner.model = texts.emplace_back(owner.model);
            owner.provider = texts.emplace_back(owner.provider);
            found = latencies.emplace(owner, std::vector<float>()).first;
        }
        found->second.push_back(latency);
    }
    std::unordered_map<std::int64_t, std::string> slugs;
    SQLite::Statement projects(database, "SELECT id, slug FROM projects");
    while (projects.executeStep())
        slugs[projects.getColumn(0).getInt64()] = projects.getColumn(1).getString();
    for (const auto& [owner, values] : latencies) {
        Sum* const owners[] = {
            &sums.totals, &sums.by_project[slugs[owner.project_id]],
            &sums.by_model[{std::string(owner.model), std::string(owner.provider)}]};
        for (Sum* sum : owners)
            sum->latencies.insert(sum->latencies.end(), values.begin(), values.end());
    }
}

void sort_by_cost(std::vector<ReportRow>& rows) {
    std::sort(rows.begin(), rows.end(), [](const ReportRow& a, const ReportRow& b) {
        if (a.cost != b.cost) return a.cost > b.cost;
        if (a.plan_cost != b.plan_cost) return a.plan_cost > b.plan_cost;
        return std::tie(a.name, a.provider) < std::tie(b.name, b.provider);
    });
}

bool has_requests(SQLite::Database& database) {
    return database.tableExists("requests") && database.tableExists("projects");
}

}  // namespace

void ReportRow::add(const ReportRow& more) {
    requests += more.requests;
    input_tokens += more.input_tokens;
    output_tokens += more.output_tokens;
    thinking_tokens += more.thinking_tokens;
    cache_read_tokens += more.cache_read_tokens;
    cache_write_tokens += more.cache_write_tokens;
    cost = cost + more.cost;
    unpriced_requests += more.unpriced_requests;
    estimated_requests += more.estimated_requests;
    plan_requests += more.plan_requests;
    plan_unpriced_requests += more.plan_unpriced_requests;
    plan_cost = plan_cost + more.plan_cost;
    incomplete_requests += more.incomplete_requests;
    error_requests += more.error_requests;
}

Result<Report> read_report(const fs::path& file, const ReportQuery& query) {
    return with_database<Report>(file, [&](SQLite::Database& database) -> Result<Report> {
        Report report;
        // The daemon has made the file but not yet its tables: nothing was metered so far.
        if (!has_requests(database)) return report;
        // Both queries must see the same rows.
        database.exec("BEGIN");
        Sums sums;
        const Columns columns(database, "requests", "r");
        if (const auto read = read_sums(database, query, sums); !read) return fail(read.error());
        read_latencies(database, columns, query, sums);
        database.exec("ROLLBACK");
        report.totals = sums.totals.finish();
        for (auto& [slug, sum] : sums.by_project) {
            report.by_project.push_back(sum.finish());
            report.by_project.back().name = slug;
        }
        for (auto& [key, sum] : sums.by_model) {
            report.by_model.push_back(sum.finish());
            report.by_model.back().name = key.first;
            report.by_model.back().provider = key.second;
        }
        sort_by_cost(report.by_project);
        sort_by_cost(report.by_model);
        return report;
    });
}

Result<std::int64_t> count_requests(const fs::path& file, UtcTime from, UtcTime to) {
    return with_database<std::int64_t>(file, [&](SQLite::Database& database) -> std::int64_t {
        if (!has_requests(database)) return 0;
        SQLite::Statement statement(
            database, "SELECT count(*) FROM requests WHERE requested_at >= ? AND requested_at < ?");
        statement.bind(1, to_iso8601(from));
        statement.bind(2, to_iso8601(to));
        statement.executeStep();
        return statement.getColumn(0).getInt64();
    });
}

Result<std::vector<PlanLimitRow>> read_plan_limits(const fs::path& file) {
    return with_database<std::vector<PlanLimitRow>>(file, [](SQLite::Database& database) {
        std::vector<PlanLimitRow> limits;
        if (!database.tableExists("plan_limits")) return limits;
        SQLite::Statement statement(
            database,
            "SELECT provider, name, coalesce(plan, ''), coalesce(status, ''), used_fraction, "
            "coalesce(resets_at, ''), coalesce(window_minutes, 0), observed_at "
            "FROM plan_limits ORDER BY provider, name");
        while (statement.executeStep()) {
            PlanLimitRow& row = limits.emplace_back();
            row.provider = statement.getColumn(0).getString();
            row.name = statement.getColumn(1).getString();
            row.plan = statement.getColumn(2).getString();
            row.status = statement.getColumn(3).getString();
            if (!statement.getColumn(4).isNull())
                row.used_fraction = statement.getColumn(4).getDouble();
            if (const auto time = parse_iso8601(statement.getColumn(5).getString()))
                row.resets_at = *time;
            row.window_minutes = statement.getColumn(6).getInt64();
            if (const auto time = parse_iso8601(statement.getColumn(7).getString()))
                row.observed_at = *time;
        }
        return limits;
    });
}

Result<std::vector<UnpricedModel>> read_unpriced_models(const fs::path& file, UtcTime from) {
    return with_database<std::vector<UnpricedModel>>(file, [&](SQLite::Database& database) {
        std::vector<UnpricedModel> models;
        if (!has_requests(database)) return models;
        const Columns columns(database, "requests", "r");
        SQLite::Statement statement(
            database,
            fmt::format("SELECT r.provider, r.model, count(*) FROM requests r "
                        "WHERE r.requested_at >= ? AND {} IS NULL AND {} AND {} <> 'deferred' "
                        "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 100",
                        columns.of("cost_nanousd", "r.cost_usd_minor_units"),
                        columns.of("has_usage", "1"),
                        fmt::format("coalesce({}, '')", columns.of("billing_mode", "NULL"))));
        statement.bind(1, to_iso8601(from));
        while (statement.executeStep())
            models.push_back({statement.getColumn(0).getString(),
                              statement.getColumn(1).getString(),
                              statement.getColumn(2).getInt64()});
        return models;
    });
}

Result<std::vector<UnmeteredRow>> read_unmetered(const fs::path& file, UtcTime from) {
    return with_database<std::vector<UnmeteredRow>>(file, [&](SQLite::Database& database) {
        std::vector<UnmeteredRow> rows;
        if (!database.tableExists("unmetered")) return rows;
        SQLite::Statement sums(database,
                               "SELECT reason, program, host, sum(count), min(first_at), "
                               "max(last_at), max(day) FROM unmetered WHERE day >= ? "
                               "GROUP BY reason, program, host ORDER BY sum(count) DESC, reason, "
                               "program, host LIMIT 1000");
        sums.bind(1, to_iso8601(from).substr(0, 10));
        while (sums.executeStep()) {
            UnmeteredRow row;
            row.reason = sums.getColumn(0).getString();
            row.program = sums.getColumn(1).getString();
            row.host = sums.getColumn(2).getString();
            row.count = sums.getColumn(3).getInt64();
            if (const auto time = parse_iso8601(sums.getColumn(4).getString()))
                row.first_at = *time;
            if (const auto time = parse_iso8601(sums.getColumn(5).getString())) row.last_at = *time;
            row.day = sums.getColumn(6).getString();
            rows.push_back(std::move(row));
        }
        return rows;
    });
}

Result<std::string> check_database(const fs::path& file, std::chrono::milliseconds limit) {
    using std::chrono::steady_clock;
    return with_database<std::string>(file, [&](SQLite::Database& database) -> std::string {
        auto until = steady_clock::now() + limit;
        // Asked every so many steps; "true" ends the statement with SQLITE_INTERRUPT.
        ::sqlite3_progress_handler(
            database.getHandle(), 10'000,
            [](void* end) {
                return steady_clock::now() >= *static_cast<steady_clock::time_point*>(end) ? 1 : 0;
            },
            &until);
        std::string complaint;
        try {
            complaint = database.execAndGet("PRAGMA quick_check(1)").getString();
        } catch (const SQLite::Exception& error) {
            if ((error.getErrorCode() & 0xff) != SQLITE_INTERRUPT) throw;
        }
        ::sqlite3_progress_handler(database.getHandle(), 0, nullptr, nullptr);
        return complaint == "ok" ? std::string() : to_safe_text(complaint, 200);
    });
}

Result<DatabaseFacts> read_database_facts(const fs::path& file) {
    return with_database<DatabaseFacts>(file, [&](SQLite::Database& database) {
        DatabaseFacts facts;
        facts.known_schema_number = migrations().back().number;
        facts.schema_number = read_schema_number(database);
        for (const char* suffix : {"", "-wal"}) {
            std::error_code failed;
            const auto bytes = fs::file_size(file.string() + suffix, failed);
            if (!failed) facts.file_bytes += bytes;
        }
        if (!has_requests(database)) return facts;
        // Each row is in the sums, and they are added up faster than the rows are counted.
        facts.request_count = sum_usage(database, {}).requests;
        SQLite::Statement newest(database, "SELECT max(requested_at) FROM requests");
        newest.executeStep();
        if (const auto time = parse_iso8601(newest.getColumn(0).getString()))
            facts.newest_request_at = *time;
        return facts;
    });
}

}  // namespace halton::store
