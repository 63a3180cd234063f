// Opening the database for one piece of work; SQLite's exceptions end here. Inside of store/ only.
#pragma once

#include <chrono>
#include <filesystem>
#include <system_error>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>

#include "base/result.h"
#include "base/text.h"
#include "store/row_writer.h"
#include "store/schema.h"

namespace halton::store {

enum class Access { read, write };

// The first schema with everything that policies and the audit need.
inline constexpr int policies_schema_number = 7;

// The daemon's transactions take milliseconds.
inline constexpr std::chrono::milliseconds usual_lock_wait{5'000};

// Runs `act` on the open database. Writing wants a schema of that number at least.
// Errors: not_found, unsupported, busy, io, and those of `act`.
template <class Value, class Act>
Result<Value> with_database(const std::filesystem::path& file, Access access, Act act,
                            int schema_number = policies_schema_number,
                            std::chrono::milliseconds lock_wait = usual_lock_wait) {
    std::error_code failed;
    if (!std::filesystem::exists(file, failed))
        return fail(ErrorKind::not_found, fmt::format("no database at {}", file.string()));
    try {
        SQLite::Database database(
            file.string(), access == Access::write ? SQLite::OPEN_READWRITE : SQLite::OPEN_READONLY,
            static_cast<int>(lock_wait.count()));
        if (access == Access::write) {
            database.exec("PRAGMA foreign_keys = ON");
            if (read_schema_number(database) < schema_number)
                return fail(ErrorKind::unsupported,
                            fmt::format("{} is of an older version; start the daemon once, which "
                                        "brings it up to date",
                                        file.string()));
        }
        return act(database);
    } catch (const SQLite::Exception& error) {
        const bool is_locked = sort_trouble(error) == Trouble::locked;
        return fail(is_locked ? ErrorKind::busy : ErrorKind::io,
                    fmt::format("{}: {}", file.string(), to_safe_text(error.what(), 200)));
    }
}

}  // namespace halton::store
