// Calls in the order in which they became rows, for views that follow along.
// In:    a Reader and the last row that was seen. Out: what came after it.
// Fails: as Reader. Thread: that of the Reader. Limits: landed_rows_max.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/money.h"
#include "store/reader.h"

namespace halton::store {

struct LandedCall {
    std::int64_t row = 0;  // its place; rises
    std::string id;
    std::string requested_at;  // as stored: UTC, "Z"
    std::string project;       // slug
    std::string provider;
    std::string model;
    std::string tool;
    std::string session_id;
    std::string status;
    std::string error_class;
    std::string provider_error_code;
    int http_status = 0;            // 0: no answer
    std::int64_t input_tokens = 0;  // with cached ones, every token once
    std::int64_t output_tokens = 0;
    std::int64_t cache_read_tokens = 0;
    std::optional<NanoUsd> cost;
    std::string billing;
    double latency_ms = 0;
};

// What came after that row, oldest first; at most landed_rows_max, so ask again. A file that was
// made anew begins again at a lower row: then from there.
Result<std::vector<LandedCall>> read_landed_after(Reader& reader, std::int64_t row,
                                                  const std::optional<std::string>& project);

// The last `count` of them, oldest first.
Result<std::vector<LandedCall>> read_last_landed(Reader& reader, std::size_t count,
                                                 const std::optional<std::string>& project);

}  // namespace halton::store
