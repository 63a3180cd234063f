// RowWriter: one open database for writing, with its prepared statements and its project ids.
// In:    finished calls. Out: rows of `requests`; a project is made when its slug is first seen,
//        an old name leads to the project that has it now; the limits that a call saw replace the
//        older ones of `plan_limits`.
// Fails: with SQLite::Exception, which stays inside store/; sort_trouble() says what to do then.
// Owner and thread: the ledger's writer thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>

#include "meter/call.h"
#include "store/body_writer.h"
#include "store/rollups.h"
#include "store/unmetered.h"

namespace halton::store {

// What a failure asks for.
enum class Trouble {
    locked,   // somebody else holds the lock: try again with the same connection
    disk,     // full, read-only, gone, I/O error: try again with a new connection
    corrupt,  // not a database, or a damaged one: set it aside and begin a new one
    schema,   // a database, but not one that takes our rows
    row,      // this row only
};
Trouble sort_trouble(const SQLite::Exception& error);

class RowWriter {
public:
    // Opens or makes the file (mode 0600), sets WAL, migrates.
    explicit RowWriter(const std::filesystem::path& file);

    void begin();
    // A row whose id is there already counts as written: it is the same call, tried again after
    // a commit whose outcome was not known.
    void write(const meter::CallRecord& call);
    // Adds to the counts of the table; those of long ago leave it. Inside a transaction.
    void add_unmetered(const std::vector<UnmeteredRow>& rows);
    void commit();
    // Never fails: the transaction may be gone already.
    void roll_back() noexcept;

    // One step of what the roll-ups lack (store/rollups.h), in a transaction of its own. False when
    // they lack nothing.
    bool fill_rollups(std::int64_t row_count);

    // Whether the file was moved or deleted under the open connection.
    bool has_moved() noexcept;

    // Microseconds UTC of the newest row in the file; 0 for none.
    std::int64_t read_newest_row_us();

    // Moves the log into the file and empties it, as far as readers let it.
    void checkpoint() noexcept;

    // Beside the rows, in transactions of their own.
    BodyWriter& bodies() { return bodies_; }
    // For statements of one's own inside of a transaction. Of `requests` they change only rows that
    // this transaction has written: the triggers for others rest (RollupBatch).
    SQLite::Database& database() { return database_; }

    // The file was made by a newer program; its rows are written with the columns known here.
    bool is_newer_schema() const { return is_newer_schema_; }

private:
    struct Project {
        std::int64_t id = 0;
        bool lacks_folder = false;  // none is known yet
    };
    std::optional<Project> find_project(const std::string& slug);
    std::int64_t find_or_make_project(const meter::CallRecord& call);
    void insert(const meter::CallRecord& call, std::int64_t project_id);
    void keep_limits(const meter::CallRecord& call);

    SQLite::Database database_;
    BodyWriter bodies_{database_};
    bool is_newer_schema_ = false;
    // Not in a newer file, whose roll-ups only its triggers know.
    std::optional<RollupBatch> rollups_;
    SQLite::Statement begin_;
    SQLite::Statement commit_;
    SQLite::Statement insert_;
    SQLite::Statement insert_project_;
    SQLite::Statement select_project_;
    SQLite::Statement data_version_;
    SQLite::Statement insert_limit_;
    std::unordered_map<std::string, Project> project_ids_;
    std::int64_t seen_data_version_ = 0;
    std::unordered_set<std::string> known_limits_;
    std::string unmetered_day_;  // of the last look at what is too old
};

}  // namespace halton::store
