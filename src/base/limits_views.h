// Limits of what looks at the ledger: exports, live views, imports.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace halton::limits {

// A row group of Parquet is held in memory until it is written: some 60 columns of 20,000 rows are
// about 15 MB. Groups that are much smaller make files large and slow to read.
inline constexpr std::size_t parquet_group_rows_max = 20'000;
inline constexpr std::size_t parquet_group_bytes_max = 16 * 1024 * 1024;
// A text as long as this is no value of ours.
inline constexpr std::size_t parquet_text_bytes_max = 64 * 1024;

// A page of rows is read in one transaction, so that a long export never holds the log of the
// database back.
inline constexpr std::int64_t export_page_rows = 5'000;

// Groups of one answer: sessions of a year of heavy work, or names that a client makes up.
inline constexpr std::size_t row_groups_max = 50'000;
// Above that, a report shows no percentiles: they need every row, which takes a second a million.
inline constexpr std::int64_t report_p95_rows_max = 500'000;
// Rows of a table in a terminal; --json and --csv have all.
inline constexpr std::size_t report_shown_rows_max = 40;

// Rows that a live view takes at a time, and between two looks: a person reads a handful, and a
// burst of a thousand calls in a second still fits.
inline constexpr std::size_t landed_rows_max = 2'000;
// Between two looks of `tail` and `top`: a call shows within half a second. A look at a file that
// has not changed takes some 50 us.
inline constexpr std::chrono::milliseconds live_look_time{400};

// What Claude Code tells a status line is some 2 KB. A shell's prompt waits for us, so a silent
// stdin is not waited for.
inline constexpr std::size_t statusline_input_bytes_max = 64 * 1024;
inline constexpr std::chrono::milliseconds statusline_input_time{60};
// A status line that comes late is worse than one that says less.
inline constexpr std::chrono::milliseconds statusline_query_time{150};

// A message of the Model Context Protocol; those that a client sends us are a few hundred bytes.
inline constexpr std::size_t mcp_line_bytes_max = 256 * 1024;

// Answers of a transcript whose next piece may still come: sub-agents run side by side, a few dozen
// at most.
inline constexpr std::size_t transcript_open_max = 64;
// A line of a transcript holds one message; pictures make some of them megabytes.
inline constexpr std::size_t transcript_line_bytes_max = 32 * 1024 * 1024;
// What a tool wrote down less than this ago may be running, or its row on its way.
inline constexpr std::chrono::minutes import_settle_time{2};
// A metered call of a transcript began at most that long before the tool wrote its answer down.
inline constexpr std::chrono::hours import_call_time_max{2};
// Hours of rows that are kept in mind while calls are matched, some 1 MB each on a busy machine.
inline constexpr std::size_t import_hours_max = 48;
// Sessions and folders that an import keeps in mind: a session is one file, seldom two.
inline constexpr std::size_t import_sessions_max = 4'096;
// Answers without their last counts that wait for a whole copy in another file.
inline constexpr std::size_t import_incomplete_max = 100'000;
// Calls of one import, so that each is counted once also where nothing is written.
inline constexpr std::size_t import_calls_max = 4'000'000;
inline constexpr std::size_t import_rows_per_transaction = 500;

}  // namespace halton::limits
