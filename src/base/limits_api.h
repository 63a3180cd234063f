// Limits of the HTTP API with their reasons; see base/limits.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace halton::limits {

// The longest real address is a slug of 128 bytes, percent-encoded, and a query of a dozen words.
inline constexpr std::size_t api_target_bytes_max = 8 * 1024;
inline constexpr std::size_t api_query_count_max = 64;
// A changing request is a handful of words; a policy's rule has a few hundred bytes.
inline constexpr std::size_t api_body_bytes_max = 64 * 1024;
// Rows of one page: what the documented dashboard asks for, and what a person scrolls through.
inline constexpr std::int64_t api_page_rows = 50;
inline constexpr std::int64_t api_page_rows_max = 200;
// Groups of one answer: a year of days with ten providers each.
inline constexpr std::int64_t api_group_rows = 1'000;
inline constexpr std::int64_t api_group_rows_max = 10'000;
// Rows that one step of a CSV reads: a few hundred KiB in memory, some ten milliseconds.
inline constexpr std::int64_t api_csv_rows_per_step = 1'000;
// Queries at once, each on a thread and a connection of its own. A page of the dashboard asks six,
// which take milliseconds; more threads would take processors away from metering.
inline constexpr std::size_t api_reader_count = 2;
// A query that takes longer is given up: whoever asked has left or thinks it hangs.
inline constexpr std::chrono::milliseconds api_query_time{20'000};
// Queries that wait for a reader: what sixty dashboards ask at once.
inline constexpr std::size_t api_query_queue_max = 512;
// How soon a query notices that nobody waits for it.
inline constexpr std::chrono::milliseconds api_leave_look{100};
// `doctor` starts programs and takes a second: its answer is good for this long.
inline constexpr std::chrono::milliseconds api_doctor_age{10'000};
// Readers of the live feed. The issue asks for 64; each is a socket and a short queue.
inline constexpr std::size_t live_client_count_max = 128;
// Events that wait for one of them: minutes of an agent, a second of the busiest machine.
inline constexpr std::size_t live_queue_max = 256;
// Events that are kept for readers that come back, with half a KiB each.
inline constexpr std::size_t live_replay_max = 256;
// A line at least this often, so that both sides notice a dead connection.
inline constexpr std::chrono::milliseconds live_heartbeat{10'000};
// The number of running calls is told at most this often.
inline constexpr std::chrono::milliseconds live_state_pause{250};
// Connections of the API above which those that ask nothing make room for new ones, so that a
// crowd of idle ones never keeps a health probe out.
inline constexpr std::size_t api_connection_count_crowded = 192;
// Values of one label of /metrics: each is a series that Prometheus keeps for ever.
inline constexpr std::size_t metric_label_values_max = 100;
inline constexpr std::size_t metric_label_bytes_max = 80;
// The secret of writing routes, in random bytes; it is written as twice as many hex digits.
inline constexpr std::size_t api_token_bytes = 32;

}  // namespace halton::limits
