// BodyWriter: writes captured bodies beside their rows, redacted and packed, and deletes those that
// are too old or too many.
// In:    what a call's capture holds. Out: one row of `request_bodies`, after its row of
// `requests`. Fails: write() says what became of a body; SQLite's exceptions pass, for the ledger
// to sort. Owner and thread: the ledger's writer thread. Redaction happens here, off the I/O
// thread: some ten milliseconds for a MiB.
#pragma once

#include <cstdint>
#include <string>

#include <SQLiteCpp/Database.h>

#include "base/clock.h"
#include "meter/body_capture.h"

namespace halton::store {

// How long and how much is kept; 0: without that bound.
struct BodyRetention {
    std::int64_t days = 0;
    std::int64_t stored_bytes_max = 0;
};

// A body as it goes into its row.
struct PackedBodies {
    struct Side {
        std::string packed;
        bool has_text = false;
        std::int64_t bytes = 0;
        bool is_truncated = false;
        std::string content_type;
    };
    Side request;
    Side response;
    std::int64_t redaction_count = 0;
    std::string redaction_kinds;
    bool has_dropped_side = false;  // one that is no text, or cannot be searched
};

// Redacts and packs. Needs no database.
PackedBodies pack_bodies(const meter::CallBodies& bodies);

class BodyWriter {
public:
    // The database outlives it.
    explicit BodyWriter(SQLite::Database& database) : database_(database) {}

    // In a transaction of its own. A body whose row is not there is refused (SQLITE_CONSTRAINT).
    void write(const std::string& request_id, const PackedBodies& bodies, UtcTime captured_at);

    // One step: at most bodies_per_prune_step of them. Gives how many were deleted; so many again:
    // there may be more.
    std::int64_t prune(const BodyRetention& retention, UtcTime now);

private:
    SQLite::Database& database_;
};

}  // namespace halton::store
