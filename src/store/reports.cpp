#include "store/reports.h"

#include <system_error>
#include <utility>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include "base/text.h"
#include "store/columns.h"
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

}  // namespace

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
