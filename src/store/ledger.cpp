#include "store/ledger.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "meter/call_bytes.h"
#include "store/pending_rows.h"
#include "store/row_writer.h"
#include "store/unmetered.h"

namespace halton::store {
namespace {

using std::chrono::steady_clock;

// "db.sqlite.corrupt-20261121T010203Z": sorts by time and needs no quoting in a shell.
std::filesystem::path to_aside_name(const std::filesystem::path& file, UtcTime now, int attempt) {
    auto stamp = to_iso8601(now).substr(0, 19);
    std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
    auto name = fmt::format("{}.corrupt-{}Z", file.string(), stamp);
    if (attempt > 0) name += fmt::format("-{}", attempt);
    return name;
}

// Moves the file with its -wal and -shm, so that a person can still look at what it holds.
std::error_code set_aside(const std::filesystem::path& file) {
    namespace fs = std::filesystem;
    std::error_code failed;
    fs::path aside;
    for (int attempt = 0; attempt < 100; ++attempt) {
        aside = to_aside_name(file, system_clock().now_utc(), attempt);
        if (!fs::exists(aside, failed)) break;
    }
    fs::rename(file, aside, failed);
    if (failed) return failed;
    for (const char* suffix : {"-wal", "-shm"}) {
        std::error_code ignored;  // they need not be there
        fs::rename(file.string() + suffix, aside.string() + suffix, ignored);
    }
    log_event(LogLevel::error, "store.corrupt.set_aside", {{"moved_to", aside.string()}});
    return {};
}

// Rows of the last 60 minutes, by the minute.
class LastHour {
public:
    void add(steady_clock::time_point now) {
        Minute& minute = minutes_[static_cast<std::size_t>(minute_of(now) % 60)];
        if (minute.at != minute_of(now)) minute = {minute_of(now), 0};
        ++minute.count;
    }
    std::int64_t count(steady_clock::time_point now) const {
        std::int64_t sum = 0;
        for (const Minute& minute : minutes_)
            if (minute_of(now) - minute.at < 60) sum += minute.count;
        return sum;
    }

private:
    struct Minute {
        std::int64_t at = -60;
        std::int64_t count = 0;
    };
    static std::int64_t minute_of(steady_clock::time_point time) {
        return std::chrono::duration_cast<std::chrono::minutes>(time.time_since_epoch()).count();
    }
    std::array<Minute, 60> minutes_;
};

struct WaitingRow {
    meter::CallRecord call;
    bool is_kept = false;  // in the pending rows too, in the same order
};

struct WaitingBodies {
    std::string request_id;
    UtcTime captured_at;
    std::unique_ptr<meter::CallBodies> bodies;
};

}  // namespace

struct Ledger::State {
    State(std::filesystem::path path, const BodyRetention& kept)
        : file(std::move(path)), retention(kept) {
        counters.state = "starting";
    }

    const std::filesystem::path file;
    const BodyRetention retention;

    std::mutex mutex;  // guards everything down to `thread`
    std::condition_variable wake;
    std::deque<WaitingRow> waiting;
    // Of rows in `waiting`, or of written ones. Not in the pending rows: nobody has taken the
    // secrets out of them yet.
    std::deque<WaitingBodies> bodies;
    PendingRows pending;
    std::size_t in_hand_count = 0;  // taken by the writer, not yet written
    bool is_writer_idle = false;    // it sleeps until a row comes
    std::optional<steady_clock::time_point> stop_at;
    LedgerCounters counters;
    LastHour last_hour;
    UnmeteredCounts unmetered;
    steady_clock::time_point unmetered_at{};  // when the first of them came
    std::thread thread;

    // The writer thread's own.
    std::optional<RowWriter> writer;
    std::deque<WaitingRow> in_hand;
    std::deque<WaitingBodies> bodies_in_hand;
    steady_clock::time_point prune_at = steady_clock::now() + limits::body_prune_first;
    steady_clock::time_point fill_at{};  // the next step of the roll-ups; far off: they are filled
    steady_clock::time_point last_commit{};
    std::size_t last_row_count = 0;
    std::chrono::milliseconds back_off{0};
    std::uint64_t drops_logged = 0;
    std::string state_logged;

    void start(const std::vector<std::span<std::byte>>& memory);
    void recover(const std::vector<std::span<std::byte>>& memory);
    void recover(PendingRows& left_behind, bool is_own);
    void run();
    bool take_rows();
    void write_rows();
    void write_some(std::size_t count);
    void write_unmetered();
    void write_bodies();
    bool write_body(const WaitingBodies& waiting_bodies);
    void drop_bodies();
    void prune_bodies();
    void fill_rollups();
    bool pause();
    bool open_writer();
    void on_trouble(const SQLite::Exception& error);
    void set_state(const std::string& state, const std::string& error);
    void log_drops();
    void finish();
};

Ledger::Ledger(std::filesystem::path file, const std::vector<std::span<std::byte>>& pending,
               const BodyRetention& retention)
    : own_memory_(pending.empty() ? std::span<std::byte>() : pending.front()),
      state_(std::make_unique<State>(std::move(file), retention)) {
    state_->start(pending);
}

void Ledger::restart() {
    auto before = std::move(state_);
    state_ = std::make_unique<State>(before->file, before->retention);
    std::vector<std::span<std::byte>> memory;
    if (!own_memory_.empty()) memory.push_back(own_memory_);
    state_->start(memory);
}

Ledger::~Ledger() { stop(std::chrono::milliseconds(0)); }

void Ledger::State::start(const std::vector<std::span<std::byte>>& memory) {
    recover(memory);
    thread = std::thread([this] { run(); });
}

// Before the thread starts, so without the lock.
void Ledger::State::recover(const std::vector<std::span<std::byte>>& memory) {
    if (memory.empty()) return;
    pending = PendingRows(memory.front());
    counters.is_kill_safe = true;
    recover(pending, true);
    for (std::size_t i = 1; i < memory.size(); ++i) {
        PendingRows left_behind(memory[i]);
        recover(left_behind, false);
    }
    counters.rows_recovered = waiting.size();
    if (!waiting.empty())
        log_event(LogLevel::info, "store.rows.recovered", {{"count", waiting.size()}});
}

void Ledger::State::recover(PendingRows& left_behind, bool is_own) {
    const auto left = left_behind.read_left();
    std::vector<meter::CallRecord> calls;
    for (const auto& bytes : left.rows)
        if (auto call = meter::parse_call_bytes(bytes)) calls.push_back(std::move(*call));
    const std::uint64_t bad_count = left.rows.size() - calls.size() + left.is_damaged;
    // What waits and what is kept must stay the same rows in the same order.
    const bool is_kept = is_own && bad_count == 0;
    if (is_own && !is_kept) pending.clear();
    for (auto& call : calls) {
        const bool is_kept_now = is_kept || pending.keep(meter::to_bytes(call));
        waiting.push_back({std::move(call), is_kept_now});
    }
    if (bad_count == 0) return;
    counters.rows_dropped_error += bad_count;
    log_event(LogLevel::warn, "store.pending.unreadable", {{"count", bad_count}});
}

void Ledger::offer(meter::CallRecord call) noexcept { offer_with_bodies(std::move(call), nullptr); }

void Ledger::offer_with_bodies(meter::CallRecord call,
                               std::unique_ptr<meter::CallBodies> bodies) noexcept {
    bool is_wake_due = false;
    std::string bytes;
    try {
        bytes = meter::to_bytes(call);
    } catch (const std::bad_alloc&) {
        // Then it waits in memory alone.
    }
    {
        const std::lock_guard lock(state_->mutex);
        auto& counters = state_->counters;
        state_->last_hour.add(steady_clock::now());
        if (state_->stop_at) {
            ++counters.rows_dropped_error;
            return;
        }
        const std::size_t waiting_count = state_->waiting.size() + state_->in_hand_count;
        if (waiting_count >= limits::record_queue_max) {
            ++counters.rows_dropped_queue_full;
            return;
        }
        try {
            const bool has_place =
                state_->bodies.size() + counters.bodies_waiting < limits::record_queue_max;
            if (bodies && has_place)
                state_->bodies.push_back({call.id, system_clock().now_utc(), std::move(bodies)});
            counters.bodies_dropped += bodies != nullptr;
            state_->waiting.push_back({std::move(call)});
        } catch (const std::bad_alloc&) {
            ++counters.rows_dropped_error;
            return;
        }
        state_->waiting.back().is_kept = !bytes.empty() && state_->pending.keep(bytes);
        // While the writer gathers, one wake-up a row would cost more than the row.
        is_wake_due = std::exchange(state_->is_writer_idle, false) ||
                      state_->waiting.size() == limits::rows_per_transaction_max;
    }
    if (is_wake_due) state_->wake.notify_one();
}

void Ledger::note_unmetered(std::string_view reason, std::string_view program,
                            std::string_view host) noexcept {
    bool is_first = false;
    try {
        const std::lock_guard lock(state_->mutex);
        is_first = state_->unmetered.is_empty();
        if (is_first) state_->unmetered_at = steady_clock::now();
        state_->unmetered.add(reason, program, host, system_clock().now_utc());
    } catch (const std::bad_alloc&) {
        // A count is not worth a connection.
    }
    if (is_first) state_->wake.notify_one();
}

LedgerCounters Ledger::counters() const {
    const std::lock_guard lock(state_->mutex);
    auto counters = state_->counters;
    counters.rows_waiting = state_->waiting.size() + state_->in_hand_count;
    counters.bodies_waiting += state_->bodies.size();
    counters.rows_last_hour = state_->last_hour.count(steady_clock::now());
    return counters;
}

void Ledger::stop(std::chrono::milliseconds limit) {
    {
        const std::lock_guard lock(state_->mutex);
        if (!state_->stop_at) state_->stop_at = steady_clock::now() + limit;
    }
    state_->wake.notify_one();
    if (state_->thread.joinable()) state_->thread.join();
}

void Ledger::State::run() {
    // At once and not with the first row, so that status says early what is wrong. Twice, since
    // after a corrupt file was set aside the second try makes a new one.
    if (!open_writer()) open_writer();
    while (take_rows()) {
        write_rows();
        write_bodies();
        prune_bodies();
        fill_rollups();
    }
    finish();
}

// Waits for rows and takes all there are. False: stop, nothing left (or no time left).
bool Ledger::State::take_rows() {
    std::unique_lock lock(mutex);
    const auto is_due = [this] {
        return !waiting.empty() || stop_at || !bodies_in_hand.empty() ||
               steady_clock::now() >= prune_at || steady_clock::now() >= fill_at ||
               (!unmetered.is_empty() &&
                steady_clock::now() >= unmetered_at + limits::unmetered_interval);
    };
    is_writer_idle = true;
    // Without an open file it is tried again now and then, so that status tells when all is well
    // again also while no row comes.
    while (!writer && !wake.wait_for(lock, limits::store_back_off_max, is_due)) {
        lock.unlock();
        open_writer();
        lock.lock();
    }
    while (!is_due()) {
        auto until = std::min(prune_at, fill_at);
        if (!unmetered.is_empty())
            until = std::min(until, unmetered_at + limits::unmetered_interval);
        wake.wait_until(lock, until);
    }
    is_writer_idle = false;
    // A lone row goes at once. Under load the next commit waits a moment, so that many rows share
    // the cost of one.
    const auto interval = last_row_count < limits::commit_busy_row_count
                              ? limits::commit_interval
                              : limits::commit_interval_busy;
    wake.wait_until(lock, last_commit + interval, [this] {
        return waiting.size() >= limits::rows_per_transaction_max || stop_at;
    });
    if (stop_at && (waiting.empty() || steady_clock::now() >= *stop_at)) return false;
    in_hand.swap(waiting);
    // Their rows are in hand, or written.
    for (auto& waiting_bodies : bodies) bodies_in_hand.push_back(std::move(waiting_bodies));
    bodies.clear();
    counters.bodies_waiting = bodies_in_hand.size();
    in_hand_count = last_row_count = in_hand.size();
    return true;
}

void Ledger::State::write_rows() {
    while (!in_hand.empty()) {
        if (writer && writer->has_moved()) {
            log_event(LogLevel::warn, "store.file.moved", {{"file", file.string()}});
            writer.reset();
        }
        if (open_writer()) {
            try {
                write_some(std::min(in_hand.size(), limits::rows_per_transaction_max));
                continue;
            } catch (const SQLite::Exception& error) {
                writer->roll_back();
                on_trouble(error);
            }
        }
        if (!pause()) return;
    }
    log_drops();
    write_unmetered();
}

// Counts that cannot be written wait for the next time; no row depends on them.
void Ledger::State::write_unmetered() {
    std::vector<UnmeteredRow> rows;
    {
        const std::lock_guard lock(mutex);
        const bool is_due =
            stop_at || steady_clock::now() >= unmetered_at + limits::unmetered_interval;
        if (unmetered.is_empty() || !is_due) return;
        rows = unmetered.take();
    }
    if (open_writer()) {
        try {
            writer->begin();
            writer->add_unmetered(rows);
            writer->commit();
            return;
        } catch (const SQLite::Exception& error) {
            writer->roll_back();
            log_event(LogLevel::debug, "store.unmetered.not_written", {{"error", error.what()}});
            if (sort_trouble(error) == Trouble::disk) writer.reset();
        }
    }
    const std::lock_guard lock(mutex);
    unmetered.put_back(rows);
    unmetered_at = steady_clock::now();
}

// What an older program left, a step at a time, with rows between them.
void Ledger::State::fill_rollups() {
    if (steady_clock::now() < fill_at) return;
    fill_at = steady_clock::now() + limits::store_back_off_max;
    if (!writer) return;
    try {
        const bool is_more = writer->fill_rollups(limits::rollup_fill_rows);
        fill_at = steady_clock::now();
        if (!is_more) fill_at += limits::rollup_look_pause;
    } catch (const SQLite::Exception& error) {
        // A lock is free again soon; what else is wrong with the file shows with the next row.
        writer->roll_back();
        log_event(LogLevel::debug, "store.rollups.not_filled",
                  {{"error", to_safe_text(error.what(), limits::log_value_bytes_max)}});
    }
}

// One at least, and more while no row waits for long.
void Ledger::State::write_bodies() {
    const auto until = steady_clock::now() + limits::commit_interval;
    while (!bodies_in_hand.empty()) {
        const bool is_written = write_body(bodies_in_hand.front());
        bodies_in_hand.pop_front();
        const std::lock_guard lock(mutex);
        counters.bodies_written += is_written;
        counters.bodies_dropped += !is_written;
        counters.bodies_waiting = bodies_in_hand.size();
        const auto now = steady_clock::now();
        if ((!waiting.empty() && now >= until) || (stop_at && now >= *stop_at)) return;
    }
}

bool Ledger::State::write_body(const WaitingBodies& waiting_bodies) {
    const PackedBodies packed = [&] {
        try {
            return pack_bodies(*waiting_bodies.bodies);
        } catch (const std::bad_alloc&) {
            PackedBodies nothing;
            nothing.has_dropped_side = true;
            return nothing;
        }
    }();
    for (int i = 0; i < limits::body_write_tries_max && open_writer(); ++i) {
        try {
            writer->bodies().write(waiting_bodies.request_id, packed, waiting_bodies.captured_at);
            return !packed.has_dropped_side;
        } catch (const SQLite::Exception& error) {
            const auto trouble = sort_trouble(error);
            log_event(LogLevel::debug, "store.body.not_written",
                      {{"error", to_safe_text(error.what(), limits::log_value_bytes_max)}});
            // What is wrong with the file shows with the next row.
            if (trouble == Trouble::disk || trouble == Trouble::corrupt) writer.reset();
            if (trouble != Trouble::locked) return false;
        }
    }
    return false;
}

void Ledger::State::drop_bodies() {
    const std::lock_guard lock(mutex);
    counters.bodies_dropped += bodies.size() + bodies_in_hand.size();
    counters.bodies_waiting = 0;
    bodies.clear();
    bodies_in_hand.clear();
}

void Ledger::State::prune_bodies() {
    if (steady_clock::now() < prune_at) return;
    std::int64_t count = 0;
    if (writer) {
        try {
            count = writer->bodies().prune(retention, system_clock().now_utc());
        } catch (const SQLite::Exception& error) {
            log_event(LogLevel::debug, "store.bodies.not_pruned",
                      {{"error", to_safe_text(error.what(), limits::log_value_bytes_max)}});
        }
    }
    if (count > 0) log_event(LogLevel::info, "store.bodies.pruned", {{"count", count}});
    // A step at a time, with rows between them.
    prune_at = steady_clock::now();
    if (count < limits::bodies_per_prune_step) prune_at += limits::body_prune_interval;
    const std::lock_guard lock(mutex);
    counters.bodies_pruned += static_cast<std::uint64_t>(count);
}

// One transaction with the first `count` rows in hand.
void Ledger::State::write_some(std::size_t count) {
    std::uint64_t bad_count = 0;
    std::string bad_error;
    std::int64_t newest_us = 0;
    writer->begin();
    for (std::size_t i = 0; i < count; ++i) {
        try {
            const auto& call = in_hand[i].call;
            writer->write(call);
            newest_us =
                std::max<std::int64_t>(newest_us, call.requested_at.time_since_epoch().count());
        } catch (const SQLite::Exception& error) {
            // One row that the table refuses must not take the others with it.
            if (sort_trouble(error) != Trouble::row) throw;
            ++bad_count;
            bad_error = error.what();
        }
    }
    writer->commit();
    last_commit = steady_clock::now();
    back_off = std::chrono::milliseconds(0);
    const auto written_end = in_hand.begin() + static_cast<std::ptrdiff_t>(count);
    const auto kept_count = std::count_if(in_hand.begin(), written_end,
                                          [](const WaitingRow& row) { return row.is_kept; });
    in_hand.erase(in_hand.begin(), written_end);
    {
        const std::lock_guard lock(mutex);
        for (auto i = kept_count; i > 0; --i) pending.release_oldest();
        in_hand_count = in_hand.size();
        counters.rows_written += count - bad_count;
        counters.rows_dropped_error += bad_count;
        counters.last_row_at_us = std::max(counters.last_row_at_us, newest_us);
    }
    set_state("ok", bad_error);
}

// Sleeps the back-off. False: stop, and no time left for another try.
bool Ledger::State::pause() {
    back_off = std::clamp(back_off * 2, limits::store_back_off_min, limits::store_back_off_max);
    std::unique_lock lock(mutex);
    auto until = steady_clock::now() + back_off;
    if (!stop_at) wake.wait_until(lock, until, [this] { return stop_at.has_value(); });
    if (!stop_at) return true;
    if (steady_clock::now() >= *stop_at) return false;
    // Stopping: shorter steps, for the lock may go while there is time.
    back_off = limits::store_back_off_min;
    until = std::min(steady_clock::now() + back_off, *stop_at);
    lock.unlock();
    std::this_thread::sleep_until(until);
    return true;
}

bool Ledger::State::open_writer() {
    if (writer) return true;
    try {
        writer.emplace(file);
        fill_at = steady_clock::now();
        const auto newest_us = writer->read_newest_row_us();
        if (writer->is_newer_schema())
            log_event(LogLevel::warn, "store.schema.newer", {{"file", file.string()}});
        {
            const std::lock_guard lock(mutex);
            counters.last_row_at_us = std::max(counters.last_row_at_us, newest_us);
        }
        set_state("ok", {});
        return true;
    } catch (const SQLite::Exception& error) {
        on_trouble(error);
    } catch (const std::exception& error) {
        set_state("retrying", error.what());
    }
    return false;
}

void Ledger::State::on_trouble(const SQLite::Exception& error) {
    const auto what = fmt::format("{} ({})", error.what(), error.getExtendedErrorCode());
    switch (sort_trouble(error)) {
        case Trouble::locked: return set_state("retrying", what);
        case Trouble::row:
        case Trouble::schema: {
            // Waiting does not help a table that lacks our columns; the rows are counted and the
            // file is looked at again, since a person may exchange it.
            set_state("incompatible_schema", what);
            writer.reset();
            const std::lock_guard lock(mutex);
            counters.rows_dropped_error += in_hand.size();
            for (const auto& row : in_hand)
                if (row.is_kept) pending.release_oldest();
            in_hand.clear();
            in_hand_count = 0;
            return;
        }
        case Trouble::disk: writer.reset(); return set_state("retrying", what);
        case Trouble::corrupt:
            writer.reset();
            set_state("retrying", what);
            if (const auto failed = set_aside(file))
                set_state("retrying", what + "; cannot set it aside: " + failed.message());
            return;
    }
}

void Ledger::State::set_state(const std::string& state, const std::string& error) {
    const auto text = to_safe_text(error, limits::log_value_bytes_max);
    {
        const std::lock_guard lock(mutex);
        counters.state = state;
        if (!text.empty()) counters.last_error = text;
    }
    // Changes only: a disk that stays full for a night is one line, not ten thousand.
    const auto line = state + ' ' + text;
    if (line == state_logged || (state == "ok" && text.empty() && state_logged.empty())) return;
    state_logged = state == "ok" && text.empty() ? std::string() : line;
    log_event(state == "ok" && text.empty() ? LogLevel::info : LogLevel::warn, "store.state",
              {{"state", state}, {"error", text}});
}

void Ledger::State::log_drops() {
    std::uint64_t dropped = 0;
    {
        const std::lock_guard lock(mutex);
        dropped = counters.rows_dropped_queue_full + counters.rows_dropped_error;
    }
    if (dropped == drops_logged) return;
    log_event(LogLevel::warn, "store.rows.dropped", {{"count", dropped - drops_logged}});
    drops_logged = dropped;
}

void Ledger::State::finish() {
    {
        const std::lock_guard lock(mutex);
        // Kept ones stay in the ring for the next start.
        for (auto* rows : {&in_hand, &waiting}) {
            for (const auto& row : *rows) counters.rows_dropped_error += !row.is_kept;
            rows->clear();
        }
        in_hand_count = 0;
    }
    while (!bodies_in_hand.empty() && stop_at && steady_clock::now() < *stop_at) write_bodies();
    drop_bodies();
    log_drops();
    if (writer) write_unmetered();
    if (writer) writer->checkpoint();
    writer.reset();
    const std::lock_guard lock(mutex);
    counters.state = "stopped";
}

}  // namespace halton::store
