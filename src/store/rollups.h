// Roll-ups: sums of `requests` by the half hour, day and month, for each project, provider, model,
// tool and billing, that are exact at every moment and for every writer; and the sessions of each
// day. In:    an open database. Out: the tables and triggers of a migration; steps that add what
// was in
//        the file before it, and what is over since.
// Triggers keep them, in the statement that changes a row: inserts, new prices, merges and
// deletions of this program, of older ones and of a person with sqlite3 cannot be told apart from
// here, and none can be forgotten. (INSERT OR REPLACE is the exception: SQLite replaces without
// the delete trigger. Nobody does it.)
// `usage_cover` says how far they reach. Half hours hold the rows from `covered_from` on: after an
// upgrade the writer thread moves it back, newest hours first, until it is empty. Days hold what is
// before `days_to`, months what is before `months_to`: today only touches its half hours, and is
// added up when it is over. A row that comes late for a sealed day goes into the day, too.
// Half hours, because days of zones like India's begin there.
// All are texts: the beginning of `requested_at`, so that any row has one. "2026-11-21T10" is the
// first half of that hour, "2026-11-21T10:3" the second.
// Fails: with SQLite::Exception, which stays inside store/. Thread: that of the database.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <SQLiteCpp/Statement.h>

#include "base/clock.h"

namespace SQLite {
class Database;
}

namespace halton::store {

// The SQL of the migration. Lives as long as the program.
const std::string& rollup_schema();

// The first schema with roll-ups.
inline constexpr int rollup_schema_number = 6;

// One step of filling, in a transaction of its own: about that many rows, whole hours; or a month
// of days that are over. False when there is nothing left to do.
bool fill_rollups(SQLite::Database& database, std::int64_t row_count, UtcTime now);

// Rows that one connection inserts in one transaction are added up together at its end, which costs
// a fraction of what the triggers do. They rest meanwhile, by a mark above all rows, which nobody
// else sees.
class RollupBatch {
public:
    explicit RollupBatch(SQLite::Database& database);
    void begin();            // after BEGIN
    void finish();           // before COMMIT
    void forget() noexcept;  // before ROLLBACK

private:
    void set_mark(const std::string& mark);
    void add(SQLite::Statement& statement, std::int64_t after, std::int64_t to);

    SQLite::Statement look_;
    SQLite::Statement move_mark_;
    std::vector<SQLite::Statement> add_;
    std::string covered_from_;   // the mark as it was
    std::int64_t last_row_ = 0;  // before this transaction
    bool is_open_ = false;
};

// How a column of a row is named in a statement; the fallback where the file lacks it.
using ColumnOf = std::function<std::string(std::string_view name, std::string_view fallback)>;

struct NamedExpression {
    std::string name;
    std::string value;
};

// What is summed up, by the names of the roll-ups' columns, as expressions over a row.
std::vector<NamedExpression> rollup_sums(const ColumnOf& column);
// Before that text are the rows of a half hour, which is named as above.
std::string end_of_half_hour(const std::string& half_hour);
// project_id, provider, model, tool, billing.
std::vector<NamedExpression> rollup_keys(const ColumnOf& column);

}  // namespace halton::store
