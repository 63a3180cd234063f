// Limits of policies, budgets and the audit, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace halton::limits {

// Policies that are looked at; each call walks all of them, and nobody writes this many.
inline constexpr std::size_t policy_count_max = 500;
// A name is typed, and stands in refusals that clients show.
inline constexpr std::size_t policy_name_bytes_max = 64;
inline constexpr std::size_t policy_pattern_bytes_max = 128;
// Above a billion dollars a limit is a slip, and sums of nano-dollars stay far from overflow.
inline constexpr std::int64_t budget_dollars_max = 1'000'000'000;
// Before this part of a period has passed a pace is no pace: an hour of a day, a day of a month.
inline constexpr double forecast_part_min = 0.04;

// How often the daemon looks whether the table was changed (two stat calls), and after how long it
// adds up the spend anew although nobody changed a policy: other daemons and `reprice` write too.
inline constexpr std::chrono::milliseconds policy_look_pause{1'000};
inline constexpr std::chrono::milliseconds policy_sum_pause{30'000};
// A look at the table that takes longer counts as failed: every call passes until one is done.
inline constexpr std::chrono::milliseconds policy_read_time{5'000};
// Finished calls that are not yet seen in the database: as many as the ledger's queue may hold.
inline constexpr std::size_t policy_pending_calls_max = 4096;

// A held request: the model may stand behind the messages, and bodies of 32 MB exist. Where more
// would have to be held, or all of them together hold more, the request passes undecided.
inline constexpr std::size_t gate_hold_bytes_max = 16 * 1024 * 1024;
inline constexpr std::size_t gate_hold_all_bytes_max = 64 * 1024 * 1024;
// An SDK sends its body at once; who takes longer streams it, and may wait for nobody.
inline constexpr std::chrono::milliseconds gate_hold_time{3'000};
inline constexpr std::chrono::milliseconds gate_look_pause{250};
// What a blocked client still sends of its body is read and thrown away, for so much and so long;
// then the connection ends.
inline constexpr std::uint64_t gate_drain_bytes_max = 256ull * 1024 * 1024;
inline constexpr std::chrono::milliseconds gate_drain_time{30'000};
// After a refusal that closes the connection the client has this long to read it and to close.
inline constexpr std::chrono::milliseconds gate_linger_time{2'000};

// Events that wait to be written: a database that is locked for minutes, at the rates below.
inline constexpr std::size_t audit_queue_max = 256;
// Events of one policy within an hour; the rest is a number in the next one. A blocked client that
// tries again all night is one line a minute.
inline constexpr int policy_events_an_hour_max = 60;
// Matches of a rule that only logs or warns, for one project: one an hour, with their number.
inline constexpr std::chrono::minutes policy_match_pause{60};
// Pairs of policy and project whose matches are remembered.
inline constexpr std::size_t policy_match_keys_max = 1024;
inline constexpr std::size_t audit_detail_bytes_max = 4096;
// Events that one `audit` shows unless it is told otherwise, and at most.
inline constexpr std::int64_t audit_shown_count = 100;
inline constexpr std::int64_t audit_shown_count_max = 10'000;

// The command of [notify]: a desktop notification takes milliseconds, a chat's web hook seconds.
inline constexpr std::chrono::milliseconds notify_time{10'000};
inline constexpr std::size_t notify_queue_max = 16;
inline constexpr int notify_an_hour_max = 60;
inline constexpr std::size_t notify_arguments_max = 32;
inline constexpr std::size_t notify_argument_bytes_max = 4096;

}  // namespace halton::limits
