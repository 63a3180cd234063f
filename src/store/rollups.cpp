#include "store/rollups.h"

#include <array>
#include <chrono>
#include <limits>
#include <optional>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>
#include <sqlite3.h>

namespace halton::store {
namespace {

struct Grain {
    const char* table;
    const char* period;
    const char* expression;  // over the text of a time, or of a finer period
    const char* sealed_to;   // column of usage_cover: before it the grain is kept; none: always
};
constexpr Grain half_hours{"usage_half_hours", "half_hour",
                           "substr({0}, 1, 13) || iif({0} >= substr({0}, 1, 13) || ':3', ':3', '')",
                           nullptr};
constexpr Grain days{"usage_days", "day", "substr({0}, 1, 10)", "days_to"};
constexpr Grain months{"usage_months", "month", "substr({0}, 1, 7)", "months_to"};
constexpr Grain grains[] = {half_hours, days, months};

std::string period_of(const Grain& grain, std::string_view time) {
    return fmt::format(fmt::runtime(grain.expression), time);
}

ColumnOf columns_of(const char* row) {
    return
        [row](std::string_view name, std::string_view) { return fmt::format("{}.{}", row, name); };
}

std::string join(const std::vector<NamedExpression>& items, std::string_view separator,
                 const std::function<std::string(const NamedExpression&)>& to_text) {
    std::string text;
    for (const auto& item : items) {
        if (!text.empty()) text += separator;
        text += to_text(item);
    }
    return text;
}

std::string names_of(const std::vector<NamedExpression>& items) {
    return join(items, ", ", [](const auto& item) { return item.name; });
}

std::string values_of(const std::vector<NamedExpression>& items) {
    return join(items, ", ", [](const auto& item) { return item.value; });
}

// "k.provider = NEW.provider AND ..."
std::string key_condition(const char* row) {
    return join(rollup_keys(columns_of(row)), " AND ",
                [](const auto& key) { return fmt::format("k.{} = {}", key.name, key.value); });
}

std::string is_covered(const char* row) {
    return fmt::format("{}.requested_at >= (SELECT covered_from FROM usage_cover)", row);
}

std::string is_sealed(const Grain& grain, const char* row) {
    return fmt::format("{} < (SELECT {} FROM usage_cover)",
                       period_of(grain, fmt::format("{}.requested_at", row)), grain.sealed_to);
}

// Sessions are few to a day; what they used is added up when somebody looks.
std::string add_session(const char* row) {
    return fmt::format(
        "  INSERT INTO usage_sessions (day, session_id, project_id, tool, requests) "
        "SELECT substr({0}.requested_at, 1, 10), {0}.session_id, {0}.project_id, "
        "coalesce({0}.client_tool, ''), 1 WHERE {0}.session_id IS NOT NULL "
        "ON CONFLICT DO UPDATE SET requests = requests + 1;\n",
        row);
}

std::string take_session(const char* row) {
    const auto where = fmt::format(
        "day = substr({0}.requested_at, 1, 10) AND session_id = {0}.session_id AND "
        "project_id = {0}.project_id AND tool = coalesce({0}.client_tool, '')",
        row);
    return fmt::format(
        "  UPDATE usage_sessions SET requests = requests - 1 WHERE {0};\n"
        "  DELETE FROM usage_sessions WHERE {0} AND requests = 0;\n",
        where);
}

std::string add_key(const char* row) {
    const auto keys = rollup_keys(columns_of(row));
    return fmt::format(
        "  INSERT INTO usage_keys ({}) SELECT {} WHERE NOT EXISTS (SELECT 1 FROM usage_keys k "
        "WHERE {});\n",
        names_of(keys), values_of(keys), key_condition(row));
}

std::string add_to_what_is_there(const Grain& grain, const std::vector<NamedExpression>& sums) {
    return fmt::format("ON CONFLICT ({}, key_id) DO UPDATE SET {}", grain.period,
                       join(sums, ", ", [](const auto& sum) {
                           return fmt::format("{0} = {0} + excluded.{0}", sum.name);
                       }));
}

std::string add_sums(const Grain& grain, const char* row, const std::string& condition = {}) {
    const auto sums = rollup_sums(columns_of(row));
    return fmt::format(
        "  INSERT INTO {} ({}, key_id, {}) SELECT {}, k.id, {} FROM usage_keys k WHERE {}{} {};\n",
        grain.table, grain.period, names_of(sums),
        period_of(grain, fmt::format("{}.requested_at", row)), values_of(sums), condition,
        key_condition(row), add_to_what_is_there(grain, sums));
}

std::string add_row(const char* row) {
    return add_key(row) + add_sums(half_hours, row) + add_session(row);
}

// For a day that is over: a trigger of its own, so that other rows pay one comparison for it.
std::string add_late_row(const char* row) {
    return add_key(row) + add_sums(days, row) +
           add_sums(months, row, is_sealed(months, row) + " AND ");
}

std::string take_row(const char* row) {
    const auto sums = rollup_sums(columns_of(row));
    std::string sql;
    for (const Grain& grain : grains) {
        const auto where = fmt::format(
            "{} = {} AND key_id = (SELECT k.id FROM usage_keys k WHERE {})", grain.period,
            period_of(grain, fmt::format("{}.requested_at", row)), key_condition(row));
        sql += fmt::format("  UPDATE {} SET {} WHERE {};\n", grain.table,
                           join(sums, ", ",
                                [](const auto& sum) {
                                    return fmt::format("{0} = {0} - ({1})", sum.name, sum.value);
                                }),
                           where);
        sql += fmt::format("  DELETE FROM {} WHERE {} AND requests = 0;\n", grain.table, where);
    }
    return sql + take_session(row);
}

std::string trigger(const char* name, const std::string& event, const std::string& condition,
                    const std::string& body) {
    return fmt::format("CREATE TRIGGER {} AFTER {} ON requests WHEN {} BEGIN\n{}END;\n", name,
                       event, condition, body);
}

// Columns whose change changes a sum.
constexpr const char* summed_columns =
    "project_id, provider, model, client_tool, billing_mode, host, requested_at, input_tokens, "
    "output_tokens, thinking_tokens, cache_read_tokens, cache_write_tokens, cost_nanousd, "
    "cost_usd_minor_units, cost_state, tokens_complete, status, latency_ms, session_id";

// For what the roll-ups cannot answer: latencies have to be ranked one by one; failures, sessions
// and calls without a price are looked at by themselves. Each holds all that its question asks
// for, so that the rows, which are ten times as wide, are left alone.
constexpr const char* indices =
    "CREATE INDEX requests_latencies ON requests "
    "(requested_at, project_id, provider, model, latency_ms);\n"
    // The one above begins with the same column.
    "DROP INDEX requests_by_time;\n"
    "CREATE INDEX requests_errors ON requests (requested_at, project_id, provider, error_class, "
    "provider_error_code, http_status, retryable, model, client_tool, status) "
    "WHERE status <> 'success';\n"
    "CREATE INDEX requests_unpriced ON requests "
    "(requested_at, provider, model, has_usage, billing_mode) WHERE cost_nanousd IS NULL;\n"
    "CREATE INDEX requests_by_session ON requests (session_id, requested_at) "
    "WHERE session_id IS NOT NULL;\n";

std::string make_schema() {
    std::string sql =
        "CREATE TABLE usage_cover (covered_from TEXT NOT NULL, days_to TEXT NOT NULL, "
        "months_to TEXT NOT NULL);\n"
        // Above the newest hour that is there: everything is still to be filled. In a new file
        // there is nothing, and all is covered.
        "INSERT INTO usage_cover SELECT coalesce(substr(max(requested_at), 1, 13) || '~', ''), "
        "'', '' FROM requests;\n"
        "CREATE TABLE usage_keys (id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, "
        "provider TEXT NOT NULL, model TEXT NOT NULL, tool TEXT NOT NULL, billing TEXT NOT NULL, "
        "UNIQUE (project_id, model, provider, tool, billing));\n";
    for (const Grain& grain : grains)
        sql += fmt::format(
            "CREATE TABLE {} ({} TEXT NOT NULL, key_id INTEGER NOT NULL, {}, "
            "PRIMARY KEY ({}, key_id)) WITHOUT ROWID;\n",
            grain.table, grain.period,
            join(rollup_sums(columns_of("NEW")), ", ",
                 [](const auto& sum) { return sum.name + " INTEGER NOT NULL"; }),
            grain.period);
    sql +=
        "CREATE TABLE usage_sessions (day TEXT NOT NULL, session_id TEXT NOT NULL, "
        "project_id INTEGER NOT NULL, tool TEXT NOT NULL, requests INTEGER NOT NULL, "
        "PRIMARY KEY (day, session_id, project_id, tool)) WITHOUT ROWID;\n";
    sql += indices;
    const auto update = fmt::format("UPDATE OF {}", summed_columns);
    sql += trigger("usage_of_insert", "INSERT", is_covered("NEW"), add_row("NEW"));
    sql += trigger("usage_of_late_insert", "INSERT", is_sealed(days, "NEW"), add_late_row("NEW"));
    sql += trigger("usage_of_delete", "DELETE", is_covered("OLD"), take_row("OLD"));
    sql += trigger("usage_of_update_old", update, is_covered("OLD"), take_row("OLD"));
    sql += trigger("usage_of_update_new", update, is_covered("NEW"), add_row("NEW"));
    sql += trigger("usage_of_late_update", update, is_sealed(days, "NEW"), add_late_row("NEW"));
    // A project that was merged into another leaves no keys; its number may be given again.
    sql +=
        "CREATE TRIGGER usage_of_project AFTER DELETE ON projects "
        "WHEN NOT EXISTS (SELECT 1 FROM requests WHERE project_id = OLD.id) BEGIN\n"
        "  DELETE FROM usage_keys WHERE project_id = OLD.id;\nEND;\n";
    return sql;
}

// What is still to be done.
struct Work {
    std::string covered_from;
    std::string days_to;
    std::string months_to;
    std::optional<std::string> first_hour;  // that no day has; looked for when all hours are there

    bool is_any() const { return !covered_from.empty() || first_hour; }
};

Work read_work(SQLite::Database& database, const std::string& today) {
    Work work;
    SQLite::Statement cover(database, "SELECT covered_from, days_to, months_to FROM usage_cover");
    if (!cover.executeStep()) return work;
    work.covered_from = cover.getColumn(0).getString();
    work.days_to = cover.getColumn(1).getString();
    work.months_to = cover.getColumn(2).getString();
    if (!work.covered_from.empty()) return work;
    SQLite::Statement first(database,
                            "SELECT substr(min(half_hour), 1, 13) FROM usage_half_hours "
                            "WHERE half_hour >= ? AND half_hour < ?");
    first.bind(1, work.days_to);
    first.bind(2, today);
    // Of a row without a time it is empty.
    if (first.executeStep() && !first.getColumn(0).isNull())
        work.first_hour = first.getColumn(0).getString();
    return work;
}

void run(SQLite::Database& database, const std::string& sql, const std::string& first,
         const std::string& second = {}) {
    SQLite::Statement statement(database, sql);
    statement.bind(1, first);
    if (statement.getBindParameterCount() > 1) statement.bind(2, second);
    statement.exec();
}

std::string names_of_sums() { return names_of(rollup_sums(columns_of("r"))); }

// Add up rows that no trigger has seen.
std::array<std::string, 3> to_add_rows(const std::string& which) {
    const auto keys = rollup_keys(columns_of("r"));
    const auto sums = rollup_sums(columns_of("r"));
    return {fmt::format("INSERT INTO usage_keys ({}) SELECT DISTINCT {} FROM requests r WHERE {} "
                        "ON CONFLICT DO NOTHING",
                        names_of(keys), values_of(keys), which),
            fmt::format(
                "INSERT INTO {} ({}, key_id, {}) SELECT {}, k.id, {} FROM requests r "
                "CROSS JOIN usage_keys k WHERE {} AND {} GROUP BY 1, 2 {}",
                half_hours.table, half_hours.period, names_of(sums),
                period_of(half_hours, "r.requested_at"),
                join(sums, ", ", [](const auto& sum) { return fmt::format("sum({})", sum.value); }),
                which, key_condition("r"), add_to_what_is_there(half_hours, sums)),
            fmt::format("INSERT INTO usage_sessions (day, session_id, project_id, tool, requests) "
                        "SELECT substr(r.requested_at, 1, 10), r.session_id, r.project_id, "
                        "coalesce(r.client_tool, ''), count(*) FROM requests r WHERE {} "
                        "AND r.session_id IS NOT NULL GROUP BY 1, 2, 3, 4 "
                        "ON CONFLICT DO UPDATE SET requests = requests + excluded.requests",
                        which)};
}

// The rows of some hours before the mark, which moves back.
void fill_hours(SQLite::Database& database, std::int64_t row_count, const std::string& to) {
    std::string from;  // before the first row, unless there are more
    {
        SQLite::Statement find(
            database,
            "SELECT substr(requested_at, 1, 13) FROM requests "
            "WHERE requested_at < ? ORDER BY requested_at DESC LIMIT 1 OFFSET ?");
        find.bind(1, to);
        find.bind(2, row_count);
        if (find.executeStep()) from = find.getColumn(0).getString();
    }
    for (const auto& sql : to_add_rows("r.requested_at >= ?1 AND r.requested_at < ?2"))
        run(database, sql, from, to);
    run(database, "UPDATE usage_cover SET covered_from = ?", from);
}

// "2026-12-01" after "2026-11-21T10"; what is no time gives nothing.
std::string next_month_start(const std::string& hour) {
    const auto time = parse_iso8601(hour + ":00:00Z");
    if (hour.size() != 13 || !time) return {};
    const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(*time)};
    const auto next = day.year() / day.month() / 1 + std::chrono::months(1);
    return to_iso8601(UtcTime(std::chrono::sys_days(next))).substr(0, 10);
}

// Days out of hours, a month of them at the most, and months out of days.
void seal(SQLite::Database& database, const Work& work, const std::string& today) {
    auto days_to = next_month_start(*work.first_hour);
    if (days_to.empty() || days_to > today) days_to = today;
    const auto coarser = [&](const Grain& grain, const Grain& finer, const std::string& from,
                             const std::string& to) {
        std::string sums;
        for (const auto& sum : rollup_sums(columns_of("r")))
            sums += fmt::format(", sum({})", sum.name);
        run(database,
            fmt::format("INSERT INTO {0} ({1}, key_id, {2}) SELECT {3}, key_id{4} "
                        "FROM {5} WHERE {6} >= ? AND {6} < ? GROUP BY 1, 2",
                        grain.table, grain.period, names_of_sums(), period_of(grain, finer.period),
                        sums, finer.table, finer.period),
            from, to);
        run(database, fmt::format("UPDATE usage_cover SET {} = ?", grain.sealed_to), to);
    };
    coarser(days, half_hours, work.days_to, days_to);
    const auto months_to = days_to.substr(0, 7);
    if (months_to > work.months_to) coarser(months, days, work.months_to, months_to);
}

}  // namespace

std::vector<NamedExpression> rollup_keys(const ColumnOf& column) {
    return {{"project_id", column("project_id", "0")},
            {"provider", column("provider", "''")},
            {"model", column("model", "''")},
            {"tool", fmt::format("coalesce({}, '')", column("client_tool", "NULL"))},
            // Rows from before the column knew are told by the host that only subscriptions reach.
            {"billing",
             fmt::format("coalesce({}, iif({} IN ('chatgpt.com', 'cloudcode-pa.googleapis.com'), "
                         "'plan', 'metered'))",
                         column("billing_mode", "NULL"), column("host", "''"))}};
}

std::vector<NamedExpression> rollup_sums(const ColumnOf& column) {
    const auto nanousd = column("cost_nanousd", "NULL");
    const auto millicents = column("cost_usd_minor_units", "NULL");
    const auto latency = column("latency_ms", "NULL");
    return {
        {"requests", "1"},
        {"input_tokens", column("input_tokens", "0")},
        {"output_tokens", column("output_tokens", "0")},
        {"thinking_tokens", column("thinking_tokens", "0")},
        {"cache_read_tokens", column("cache_read_tokens", column("cached_tokens", "0"))},
        {"cache_write_tokens", column("cache_write_tokens", "0")},
        {"cost_nanousd", fmt::format("coalesce({}, {} * 10000, 0)", nanousd, millicents)},
        {"unpriced_requests", fmt::format("({} IS NULL AND {} IS NULL)", nanousd, millicents)},
        {"estimated_requests", fmt::format("({} IS 'estimated')", column("cost_state", "NULL"))},
        {"incomplete_requests", fmt::format("(NOT {})", column("tokens_complete", "1"))},
        {"error_requests", fmt::format("({} <> 'success')", column("status", "'success'"))},
        // Whole microseconds: what is added can be taken away again without a trace.
        {"latency_us", fmt::format("coalesce(CAST({} * 1000 + 0.5 AS INTEGER), 0)", latency)},
        {"latency_requests", fmt::format("({} IS NOT NULL)", latency)},
    };
}

std::string end_of_half_hour(const std::string& half_hour) {
    constexpr std::size_t hour_length = 13;
    return half_hour.substr(0, hour_length) + (half_hour.size() == hour_length ? ":3" : "~");
}

const std::string& rollup_schema() {
    static const std::string schema = make_schema();
    return schema;
}

RollupBatch::RollupBatch(SQLite::Database& database)
    : look_(database, "SELECT covered_from, (SELECT max(rowid) FROM requests) FROM usage_cover"),
      move_mark_(database, "UPDATE usage_cover SET covered_from = ?") {
    // The plus: not by the index over times, which would find all rows since the mark.
    for (const auto& sql : to_add_rows("r.rowid > ?1 AND r.rowid <= ?2 AND +r.requested_at >= ?3"))
        add_.emplace_back(database, sql);
}

void RollupBatch::begin() {
    is_open_ = look_.executeStep();
    if (is_open_) {
        covered_from_ = look_.getColumn(0).getString();
        last_row_ = look_.getColumn(1).getInt64();
    }
    look_.reset();
    // Without a mark no trigger adds anything. After the last number of all, numbers are random.
    is_open_ = is_open_ && last_row_ < std::numeric_limits<std::int64_t>::max() / 2;
    if (is_open_) set_mark("~");
}

void RollupBatch::finish() {
    if (!is_open_) return;
    look_.executeStep();
    const std::int64_t last = look_.getColumn(1).getInt64();
    look_.reset();
    for (auto& statement : add_) {
        try {
            add(statement, last_row_, last);
        } catch (const SQLite::Exception& error) {
            // Sums beyond 64 bits end a statement, and have left nothing. Rows by themselves have
            // none, and what they are added to becomes a real number.
            if (error.getErrorCode() != SQLITE_ERROR) throw;
            statement.tryReset();
            for (auto row = last_row_; row < last; ++row) add(statement, row, row + 1);
        }
    }
    set_mark(covered_from_);
    is_open_ = false;
}

void RollupBatch::add(SQLite::Statement& statement, std::int64_t after, std::int64_t to) {
    if (after >= to) return;
    statement.bind(1, after);
    statement.bind(2, to);
    statement.bind(3, covered_from_);
    statement.exec();
    statement.reset();
}

void RollupBatch::forget() noexcept {
    is_open_ = false;
    look_.tryReset();
    move_mark_.tryReset();
    for (auto& statement : add_) statement.tryReset();
}

void RollupBatch::set_mark(const std::string& mark) {
    move_mark_.bind(1, mark);
    move_mark_.exec();
    move_mark_.reset();
}

bool fill_rollups(SQLite::Database& database, std::int64_t row_count, UtcTime now) {
    const auto today = to_iso8601(now).substr(0, 10);
    // Looked at without the lock, as there is nothing to do nearly always; then again with it.
    if (!read_work(database, today).is_any()) return false;
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    const Work work = read_work(database, today);
    if (!work.is_any()) return false;
    if (!work.covered_from.empty())
        fill_hours(database, row_count, work.covered_from);
    else
        seal(database, work, today);
    transaction.commit();
    return true;
}

}  // namespace halton::store
