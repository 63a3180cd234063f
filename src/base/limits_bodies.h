// Limits of captured bodies, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace halton::limits {

// What is kept of one side of a call, decoded: long contexts are some hundred KiB, and what is
// beyond are pictures.
inline constexpr std::size_t body_bytes_max = 1024 * 1024;
// Held beyond that until secrets are taken out, so that one across the cap is seen whole. The
// longest are PEM keys, with up to 13 KiB.
inline constexpr std::size_t body_margin_bytes = 16 * 1024;
// All bodies that are being captured or wait for the writer. Thirty large calls at once; what would
// not fit is not captured, and counted.
inline constexpr std::size_t body_memory_max = 64 * 1024 * 1024;
// A body with more secrets than this is something else than a conversation; it is dropped.
inline constexpr std::size_t body_redactions_max = 20'000;
// A quoted value behind a name such as "password"; longer ones are cut there.
inline constexpr std::size_t secret_value_bytes_max = 8 * 1024;
// Streams whose pieces are read as one text: answers in parallel, tools and thoughts beside them.
inline constexpr std::size_t body_channels_max = 64;
inline constexpr std::size_t body_content_type_bytes_max = 100;
// A try to write a body while somebody else holds the lock; each waits a quarter of a second.
inline constexpr int body_write_tries_max = 4;
// Bodies deleted in one transaction: milliseconds, also with a MiB each.
inline constexpr std::int64_t bodies_per_prune_step = 50;
// How often the writer looks for bodies that are too old or too many, and first after its start.
inline constexpr std::chrono::milliseconds body_prune_interval{10 * 60'000};
inline constexpr std::chrono::milliseconds body_prune_first{30'000};
// How often the daemon looks whether a project's switch was changed.
inline constexpr std::chrono::milliseconds capture_settings_pause{1'000};
inline constexpr std::size_t capture_settings_count_max = 10'000;

}  // namespace halton::limits
