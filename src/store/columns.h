// Columns: what a table of this file has, so that an older schema can be read.
// Fails: with SQLite::Exception, which stays inside store/.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

namespace halton::store {

// Not yet in a file that the daemon has made a moment ago: nothing was metered so far.
inline bool has_requests(SQLite::Database& database) {
    return database.tableExists("requests") && database.tableExists("projects");
}

class Columns {
public:
    // `alias` is what statements call the table.
    Columns(SQLite::Database& database, const std::string& table, std::string alias)
        : alias_(std::move(alias)) {
        SQLite::Statement info(database, "PRAGMA table_xinfo(" + table + ")");
        while (info.executeStep()) names_.insert(info.getColumn(1).getString());
    }

    bool has(std::string_view name) const { return names_.find(name) != names_.end(); }
    bool is_empty() const { return names_.empty(); }

    // The column with its alias, or the fallback.
    std::string of(std::string_view name, std::string_view fallback) const {
        return has(name) ? alias_ + "." + std::string(name) : std::string(fallback);
    }

private:
    std::string alias_;
    std::set<std::string, std::less<>> names_;
};

}  // namespace halton::store
