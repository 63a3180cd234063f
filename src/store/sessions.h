// Sessions: the conversations of tools that name them, newest first, with what they used.
// In:    a Reader and a query. Out: rows as values. A session's sums and times are those of its
//        calls that the filter lets through; its calls one by one are store/requests.h's.
// Fails: as Reader; malformed (a cursor that is none of ours).
// Thread: that of the Reader. Limits: session_page_max.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/reader.h"
#include "store/usage.h"

namespace halton::store {

struct SessionQuery {
    // Sessions whose last call began in [from, to).
    std::optional<UtcTime> from;
    std::optional<UtcTime> to;
    std::optional<std::string> project;  // its slug
    std::optional<std::string> tool;
    std::size_t limit = 50;  // at most session_page_max
    std::string cursor;      // of the page before; empty: the first page
    bool has_total = true;
};

struct SessionRow {
    std::string session_id;
    // Of its last call.
    std::string project;  // slug
    std::string client_tool;
    std::string client_version;
    std::string git_branch;
    std::string started_at;  // as stored: UTC, microseconds, "Z"
    std::string last_at;
    UsageSums sums;
    std::int64_t retry_count = 0;     // of all its calls
    std::vector<std::string> models;  // most calls first
};

struct SessionPage {
    std::vector<SessionRow> items;
    std::string next_cursor;  // empty: this was the last page
    std::int64_t total = 0;   // sessions with a call in the query's time
};

Result<SessionPage> read_sessions(Reader& reader, const SessionQuery& query);

// One session by its id, or nothing.
Result<std::optional<SessionRow>> read_session(Reader& reader, const std::string& session_id);

// How many sessions a tool had a call of in [from, to), and the version that it called itself last.
struct ToolSessions {
    std::string tool;
    std::int64_t sessions = 0;
    std::string version;
};
// By tool; those without sessions are not there.
Result<std::vector<ToolSessions>> read_tool_sessions(Reader& reader, std::optional<UtcTime> from,
                                                     std::optional<UtcTime> to);

}  // namespace halton::store
