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

}  // namespace halton::limits
