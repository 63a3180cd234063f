// Ledger: the writer of db.sqlite. One thread of its own, group commit, a bounded queue.
// In:    finished calls, from any thread. Out: one row each, a lone one at once.
// Fails: never for the caller. A full queue drops and counts. A full disk, a locked, read-only or
//        missing file: rows wait in the queue while it is tried again with back-off. A corrupt file
//        is set aside as db.sqlite.corrupt-<time> and a new one begun. A file of a newer version
//        gets our columns; one that lacks them is left alone and its rows are dropped and counted.
//        Given memory that a file backs, it owes nobody a row when the process is killed: rows wait
//        in it as well, and those of a dead predecessor are written first.
//        Bodies come behind the rows: a row never waits for more than one of them.
// Limits: record_queue_max, rows_per_transaction_max, commit_interval, store_back_off_max.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "meter/call.h"
#include "store/body_writer.h"

namespace halton::store {

// Counters since start; read by status and the API.
struct LedgerCounters {
    std::uint64_t rows_written = 0;
    std::uint64_t rows_dropped_queue_full = 0;
    std::uint64_t rows_dropped_error = 0;
    std::uint64_t rows_waiting = 0;
    // "starting", "ok", "retrying", "incompatible_schema", "stopped".
    std::string state;
    std::string last_error;           // one line, or empty
    std::int64_t last_row_at_us = 0;  // requested_at of the newest row, microseconds UTC, 0 = none
    std::int64_t rows_last_hour = 0;  // offered in the last 60 minutes
    std::uint64_t rows_recovered = 0;  // left waiting by a daemon that was killed
    bool is_kill_safe = false;         // waiting rows outlive a kill of this process
    std::uint64_t bodies_written = 0;
    std::uint64_t bodies_waiting = 0;
    // Not written, while their rows were: the daemon stopped, the file had trouble, or a side was no
    // text. Those that the memory budget refused are counted by meter::CaptureBudget.
    std::uint64_t bodies_dropped = 0;
    std::uint64_t bodies_pruned = 0;
};

class Ledger final : public meter::CallSink {
public:
    // Starts the thread at once; opening and migrating happens there. `pending` is memory for
    // PendingRows that outlives the ledger: rows wait in the first, dead daemons' rows may be in
    // each. None: a kill loses what waits.
    // Bodies wait in memory only and are lost with a kill; they are kept as `retention` says.
    explicit Ledger(std::filesystem::path file,
                    const std::vector<std::span<std::byte>>& pending = {},
                    const BodyRetention& retention = {});
    // Stops as stop(0).
    ~Ledger() override;
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    void offer(meter::CallRecord call) noexcept override;
    void offer_with_bodies(meter::CallRecord call,
                           std::unique_ptr<meter::CallBodies> bodies) noexcept override;

    // A connection that was not metered. `host` only where it is a provider's. Written within
    // limits::unmetered_interval; a kill may lose that much.
    void note_unmetered(std::string_view reason, std::string_view program,
                        std::string_view host) noexcept;

    LedgerCounters counters() const;

    // Writes what waits, for at most `limit`, checkpoints, closes, joins. Rows left stay in the
    // first memory for the next start; those that are not in it are counted as dropped.
    void stop(std::chrono::milliseconds limit);

    // Begins anew after stop(), with the rows that were left: in between the process may fork.
    void restart();

private:
    struct State;
    std::span<std::byte> own_memory_;
    std::unique_ptr<State> state_;
};

}  // namespace halton::store
