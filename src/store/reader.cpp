#include "store/reader.h"

#include <atomic>
#include <mutex>
#include <system_error>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include "base/text.h"

namespace halton::store {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

std::string to_uri(const fs::path& file, const char* options) {
    std::string uri = "file:";
    for (const char c : file.string()) {
        if (c == '?' || c == '#' || c == '%')
            uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
        else
            uri += c;
    }
    return uri + options;
}

}  // namespace

SQLite::Database open_read_only(const fs::path& file) {
    constexpr auto lock_wait_ms = static_cast<int>(limits::store_read_lock_wait.count());
    try {
        // No mutex: one thread at a time, and interrupt() does not touch it. Locking for each value
        // would take longer than reading it.
        SQLite::Database database(file.string(), SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX,
                                  lock_wait_ms);
        database.execAndGet("SELECT count(*) FROM sqlite_master");
        return database;
    } catch (const SQLite::Exception& error) {
        // A copy on a read-only place: without a log beside it nothing can change meanwhile, and
        // SQLite need not make the files it shares with a writer.
        std::error_code ignored;
        const auto log_bytes = fs::file_size(file.string() + "-wal", ignored);
        const int code = error.getErrorCode() & 0xff;
        if ((code != SQLITE_CANTOPEN && code != SQLITE_READONLY) || (!ignored && log_bytes > 0))
            throw;
        return SQLite::Database(to_uri(file, "?immutable=1"),
                                SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX | SQLite::OPEN_URI,
                                lock_wait_ms);
    }
}

struct Reader::State {
    fs::path file;
    std::chrono::milliseconds time_max;
    std::unique_ptr<SQLite::Database> database;
    // Between a query and interrupt(): whether one runs, and whether it shall end.
    std::atomic<bool> is_running = false;
    std::atomic<bool> is_interrupted = false;
    steady_clock::time_point until;

    // Asked by SQLite every store_progress_steps; not 0 ends the query.
    static int on_progress(void* self) {
        const auto& state = *static_cast<State*>(self);
        return state.is_interrupted || steady_clock::now() >= state.until ? 1 : 0;
    }

    void open_if_needed() {
        if (database && has_moved()) database.reset();
        if (database) return;
        auto opened = open_read_only(file);
        opened.exec(fmt::format("PRAGMA cache_size = -{}", limits::store_reader_cache_kib));
        // Sorting is of groups, which are few; a full or read-only /tmp must not stop it.
        opened.exec("PRAGMA temp_store = MEMORY");
        database = std::make_unique<SQLite::Database>(std::move(opened));
        ::sqlite3_progress_handler(database->getHandle(), limits::store_progress_steps, on_progress,
                                   this);
    }

    bool has_moved() {
        int moved = 0;
        return ::sqlite3_file_control(database->getHandle(), "main", SQLITE_FCNTL_HAS_MOVED,
                                      &moved) == SQLITE_OK &&
               moved != 0;
    }

    Error to_error(const SQLite::Exception& error) {
        ErrorKind kind = ErrorKind::io;
        switch (error.getErrorCode() & 0xff) {
            case SQLITE_INTERRUPT:
                kind = is_interrupted ? ErrorKind::cancelled : ErrorKind::timeout;
                break;
            case SQLITE_BUSY:
            case SQLITE_LOCKED: kind = ErrorKind::busy; break;
            default: database.reset(); break;
        }
        return Error{kind, Leg::local,
                     fmt::format("{}: {}", file.string(), to_safe_text(error.what(), 200))};
    }
};

Reader::Reader(fs::path file, std::chrono::milliseconds time_max)
    : state_(std::make_unique<State>()) {
    state_->file = std::move(file);
    state_->time_max = time_max;
}

Reader::~Reader() = default;

void Reader::set_time_max(std::chrono::milliseconds time_max) { state_->time_max = time_max; }

void Reader::interrupt() noexcept {
    // A query looks at it within microseconds of work; waiting for a lock is bounded by itself.
    if (state_->is_running) state_->is_interrupted = true;
}

void Reader::close() noexcept { state_->database.reset(); }

const fs::path& Reader::file() const { return state_->file; }

Result<void> Reader::run(const std::function<void(SQLite::Database&)>& read) {
    State& state = *state_;
    std::error_code failed;
    if (!fs::exists(state.file, failed)) {
        state.database.reset();
        return fail(ErrorKind::not_found, fmt::format("no database at {}", state.file.string()));
    }
    struct Running {
        explicit Running(State& running) : state(running) {
            state.is_interrupted = false;
            state.until = steady_clock::now() + state.time_max;
            state.is_running = true;
        }
        ~Running() { state.is_running = false; }
        State& state;
    };
    const Running running(state);
    try {
        state.open_if_needed();
        state.database->exec("BEGIN");
        try {
            read(*state.database);
        } catch (const SQLite::Exception&) {
            state.database->tryExec("ROLLBACK");
            throw;
        }
        state.database->exec("COMMIT");
        return {};
    } catch (const SQLite::Exception& error) {
        return fail(state.to_error(error));
    }
}

}  // namespace halton::store
