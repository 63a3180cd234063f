// The schema of db.sqlite as a table of migrations: number, name, SQL.
// Each runs in one transaction and is recorded in _migrations. Additive only: new columns are
// nullable or have defaults, nothing is dropped or retyped, so that an older program can go on
// writing to a newer file and an older file can be read by a newer program.
// Fails: with SQLite::Exception, which stays inside store/.
#pragma once

#include <span>
#include <string_view>

namespace SQLite {
class Database;
}

namespace halton::store {

struct Migration {
    int number;  // rising, never reused
    std::string_view name;
    const char* sql;
};

std::span<const Migration> migrations();

// The highest number recorded in the file; 0 for a file without the table.
int read_schema_number(SQLite::Database& database);

// Applies what is missing. Safe when another process does the same at the same moment.
void migrate(SQLite::Database& database, std::span<const Migration> steps);

}  // namespace halton::store
