// Limits of reading the ledger back, for roll-ups, reports and dashboards.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace halton::limits {

// A query of a dashboard; with roll-ups they take milliseconds at ten million rows. What takes
// longer than this is somebody's mistake, and the next one waits for its connection.
inline constexpr std::chrono::milliseconds store_query_time{10'000};
// A writer holds its lock for milliseconds; longer than this is worth an error message.
inline constexpr std::chrono::milliseconds store_read_lock_wait{2'000};
// Pages that one reader keeps: a month of roll-ups with their keys, and the upper levels of the
// indices. There are a few readers.
inline constexpr int store_reader_cache_kib = 4 * 1024;
// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
inline constexpr int store_progress_steps = 2'000;
// Periods of one answer: a year by the hour. A chart has a few hundred.
inline constexpr std::size_t usage_periods_max = 9'000;
// Rows of one answer: a year of days by project, provider and model.
inline constexpr std::size_t usage_rows_max = 200'000;
// Changes of a time zone that one query names: two a year.
inline constexpr std::size_t usage_zone_spans_max = 200;
// Items of one page of calls or sessions. Dashboards ask for 20 to 200, exports go page by page.
inline constexpr std::size_t request_page_max = 1'000;
inline constexpr std::size_t session_page_max = 200;
// Groups of errors in one answer: classes times codes of providers, which those invent.
inline constexpr std::size_t error_groups_max = 500;
// Old rows that are added to the roll-ups in one transaction after an upgrade: some 50 ms, which
// new rows wait for in the queue.
inline constexpr std::int64_t rollup_fill_rows = 10'000;
// When they are filled it is looked again this often: a person may put an older file in place.
inline constexpr std::chrono::hours rollup_look_pause{1};

}  // namespace halton::limits
