// Queries for the verbs: open the file read-only, cope with a running writer, with an older
// schema (missing columns count as NULL) and with a newer one.
// Sums are over nano-dollars; a row without them counts with its millicents, an unpriced row with
// nothing. Thread: any, each call has its own connection. Blocking.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"

namespace halton::store {

struct ReportQuery {
    UtcTime from;
    UtcTime to;  // exclusive
    std::optional<std::string> project_slug;
};

struct ReportRow {
    std::string name;      // project slug or model
    std::string provider;  // of a model row
    std::int64_t requests = 0;
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    std::int64_t thinking_tokens = 0;
    std::int64_t cache_read_tokens = 0;
    std::int64_t cache_write_tokens = 0;
    NanoUsd cost;
    std::int64_t unpriced_requests = 0;
    std::int64_t incomplete_requests = 0;
    std::int64_t error_requests = 0;
    std::optional<double> avg_latency_ms;
    std::optional<double> p95_latency_ms;  // nearest rank
};

struct Report {
    ReportRow totals;
    std::vector<ReportRow> by_project;  // cost descending, then name
    std::vector<ReportRow> by_model;
};

// Errors: not_found (no database yet), io (with the path and SQLite's word).
Result<Report> read_report(const std::filesystem::path& database, const ReportQuery& query);

// How many calls began in [from, to). Errors: as read_report.
Result<std::int64_t> count_requests(const std::filesystem::path& database, UtcTime from,
                                    UtcTime to);

struct DatabaseFacts {
    int schema_number = 0;
    int known_schema_number = 0;  // the newest that this program makes
    std::int64_t request_count = 0;
    std::optional<UtcTime> newest_request_at;
    std::uint64_t file_bytes = 0;  // with its log
};

// Errors: as read_report.
Result<DatabaseFacts> read_database_facts(const std::filesystem::path& database);

}  // namespace halton::store
