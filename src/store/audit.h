// The audit: what happened to the settings and by the policies, in `audit_events`. Append-only:
// nobody here changes or deletes an event (a merge of projects moves them with the rest).
// Holds names, numbers and ids; never a prompt, an answer or a key.
// Fails: not_found (no database), unsupported (an older schema), busy (the lock is held for
// seconds), io. Blocking. Thread: any; each call has its own connection.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace SQLite {
class Database;
}

namespace halton::store {

// Types of events. Readers take any other word too.
namespace audit {
inline constexpr std::string_view daemon_started = "daemon.started";
inline constexpr std::string_view daemon_stopped = "daemon.stopped";
inline constexpr std::string_view policy_created = "policy.created";
inline constexpr std::string_view policy_changed = "policy.changed";
inline constexpr std::string_view policy_removed = "policy.removed";
inline constexpr std::string_view policy_matched = "policy.matched";
inline constexpr std::string_view policy_blocked = "policy.blocked";
inline constexpr std::string_view budget_threshold = "budget.threshold";
inline constexpr std::string_view body_capture_enabled = "body_capture.enabled";
inline constexpr std::string_view body_capture_disabled = "body_capture.disabled";
inline constexpr std::string_view project_archived = "project.archived";
inline constexpr std::string_view project_unarchived = "project.unarchived";
inline constexpr std::string_view pricing_changed = "pricing.bundle_changed";
inline constexpr std::string_view pricing_repriced = "pricing.repriced";
}  // namespace audit

struct AuditEvent {
    std::int64_t id = 0;  // rising
    std::string occurred_at;
    std::string type;
    std::string actor;       // "daemon", "cli"
    std::string project;     // slug; empty: of none
    std::string request_id;  // of the row it is about; empty: of none
    std::string detail;      // a JSON object, or empty
};

struct AuditQuery {
    std::string since;           // ISO time, included; empty: all
    std::string type;            // exact, or "policy." for all that begin so; empty: all
    std::string project;         // slug; empty: all
    std::int64_t before_id = 0;  // older than this one: the next page; 0: from the newest
    std::int64_t count_max = 100;
};

struct AuditPage {
    std::vector<AuditEvent> events;  // the newest first
    std::int64_t total = 0;          // that fit the query, on all pages
    bool has_more = false;
};

// A database of an older program has no events of this kind: an empty page.
Result<AuditPage> read_audit(const std::filesystem::path& database, const AuditQuery& query);

// All of them or none, in one transaction that waits at most `lock_wait` for the lock. Their ids
// are given; a slug that is no project's is kept in the detail only. An event without a time
// happens now.
Result<void> append_audit(const std::filesystem::path& database, std::span<const AuditEvent> events,
                          std::chrono::milliseconds lock_wait = std::chrono::milliseconds(5'000));

// The same inside of a transaction of somebody else. Throws SQLite::Exception.
void append_audit(SQLite::Database& database, const AuditEvent& event);

// The newest event of that type; nothing when there is none. Errors: as above.
Result<std::optional<AuditEvent>> read_newest_audit(const std::filesystem::path& database,
                                                    std::string_view type);

}  // namespace halton::store
