// Captured bodies as people read and delete them, beside the daemon's writer.
// Fails: not_found (no database, or no such body), malformed (its bytes are damaged, or the id is
// of
//        several), busy (the lock is held for seconds), io.
// Blocking. Thread: any; each call has its own connection. Limits: bodies_per_prune_step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace halton::store {

// One side of a call, redacted.
struct BodySideRow {
    std::optional<std::string> text;  // nothing: dropped, or not a text
    std::int64_t bytes = 0;           // of the whole body, decoded
    bool is_truncated = false;
    std::string content_type;
};

// What is known of a captured call without reading its texts.
struct BodyEntry {
    std::string request_id;
    std::string captured_at;
    std::string requested_at;
    std::string project_slug;
    std::string provider;
    std::string model;
    std::int64_t request_bytes = 0;
    std::int64_t response_bytes = 0;
    std::int64_t redaction_count = 0;
    std::string redaction_kinds;  // "bearer=2 jwt=1"
};

struct BodyRow {
    BodyEntry entry;
    BodySideRow request;
    BodySideRow response;
};

// By the request's id, or a beginning of it that no other body has; "last": the newest.
Result<BodyRow> read_body(const std::filesystem::path& database, const std::string& id);

// The newest first.
Result<std::vector<BodyEntry>> list_bodies(const std::filesystem::path& database,
                                           std::int64_t count_max);

struct BodyStats {
    std::int64_t count = 0;
    std::int64_t request_bytes = 0;  // as they were
    std::int64_t response_bytes = 0;
    std::int64_t stored_bytes = 0;  // packed
    std::int64_t truncated_count = 0;
    std::int64_t redaction_count = 0;
    std::string oldest_at;
    std::string newest_at;
    std::vector<std::pair<std::string, std::int64_t>> redaction_kinds;  // the most frequent first
    std::vector<std::pair<std::string, std::int64_t>> projects;         // bodies of each, as well
    std::vector<std::pair<std::string, bool>> switches;  // projects with a word of their own
};

// An older file, or none, has nothing.
Result<BodyStats> read_body_stats(const std::filesystem::path& database);

// Which bodies to delete; all conditions hold together. None: all.
struct BodyFilter {
    std::optional<UtcTime> older_than;
    std::string project_slug;  // an old slug is its project; empty: each
};

Result<std::int64_t> count_bodies(const std::filesystem::path& database, const BodyFilter& filter);

// In steps, so that the writer waits for milliseconds; what is deleted is overwritten in the file.
// Gives how many it were.
Result<std::int64_t> prune_bodies(const std::filesystem::path& database, const BodyFilter& filter);

// Projects with a word of their own on capturing, by slug, old ones too. Nothing where there is no
// file, or one that cannot be read now.
std::optional<std::unordered_map<std::string, bool>> read_capture_switches(
    const std::filesystem::path& database);

// Leaves a trace in the audit when capturing everywhere is another than the last time. Waits for no
// lock: false when it has to be tried again.
bool note_capture_everywhere(const std::filesystem::path& database, bool is_on);

// Tells whether the file may have changed since it was asked last; looks at its times only.
class FileWatch {
public:
    explicit FileWatch(std::filesystem::path database) : database_(std::move(database)) {}
    bool has_changed();
    // The next answer is yes.
    void forget() { seen_.clear(); }

private:
    std::filesystem::path database_;
    std::string seen_;
};

}  // namespace halton::store
