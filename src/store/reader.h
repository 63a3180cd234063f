// Reader: a read-only connection to db.sqlite, for the API, terminal views and verbs.
// In:    the file; it need not be there yet, and may be moved away and made anew meanwhile. A
//        running writer does not disturb. Older schema: what a file lacks counts as nothing; newer
//        ones are read as far as they are known.
// Out:   what `read` makes of the open database, all of it from one moment of the file.
// Fails: not_found (no database yet), busy (locked for seconds), timeout (time_max ran out),
//        cancelled (interrupt()), io (with the path and SQLite's word). After io the file is opened
//        anew with the next query.
// Thread: one query at a time; interrupt() from any thread. Blocking: never on an I/O thread.
//        Keep one for many queries, or make one for a single query.
// Limits: store_query_time, store_read_lock_wait, store_reader_cache_kib.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "base/result.h"

namespace SQLite {
class Database;
}

namespace halton::store {

// For store/, where a Reader is not kept: one connection, for one thread at a time. Also where
// SQLite cannot write beside the file. Waits store_read_lock_wait; fails with SQLite::Exception.
SQLite::Database open_read_only(const std::filesystem::path& file);

class Reader {
public:
    explicit Reader(std::filesystem::path file,
                    std::chrono::milliseconds time_max = limits::store_query_time);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    // For what each query may take from now on.
    void set_time_max(std::chrono::milliseconds time_max);

    // Ends the query that runs now, if one does. Any thread.
    void interrupt() noexcept;

    // Lets go of the file until the next query: before a fork, SQLite must not be open.
    void close() noexcept;

    const std::filesystem::path& file() const;

    // For the queries of store/: `read` takes the database and gives a Result<Value>. All that it
    // reads is of one moment; exceptions of SQLite that leave it become errors.
    template <class Value, class Read>
    Result<Value> read(Read read) {
        std::optional<Result<Value>> value;
        const auto done = run([&](SQLite::Database& database) { value.emplace(read(database)); });
        if (!done) return fail(done.error());
        return std::move(*value);
    }

private:
    struct State;
    Result<void> run(const std::function<void(SQLite::Database&)>& read);
    std::unique_ptr<State> state_;
};

}  // namespace halton::store
