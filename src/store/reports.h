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
#include "store/unmetered.h"

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
    NanoUsd cost;  // metered: without what a subscription covers
    std::int64_t unpriced_requests = 0;
    std::int64_t estimated_requests = 0;
    // Covered by a subscription; the cost is what that use would have cost by the list.
    std::int64_t plan_requests = 0;
    std::int64_t plan_unpriced_requests = 0;
    NanoUsd plan_cost;
    std::int64_t incomplete_requests = 0;
    std::int64_t error_requests = 0;
    std::optional<double> avg_latency_ms;
    std::optional<double> p95_latency_ms;  // nearest rank

    // Everything but names and latencies, which cannot be added.
    void add(const ReportRow& more);
    bool is_unknown_cost() const {
        return requests > plan_requests &&
               unpriced_requests - plan_unpriced_requests == requests - plan_requests;
    }
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

struct PlanLimitRow {
    std::string provider;
    std::string name;
    std::string plan;
    std::string status;
    std::optional<double> used_fraction;
    std::optional<UtcTime> resets_at;
    std::int64_t window_minutes = 0;
    UtcTime observed_at;
};

// The latest that providers said about subscriptions; none in an older file. Errors: as
// read_report.
Result<std::vector<PlanLimitRow>> read_plan_limits(const std::filesystem::path& database);

struct UnpricedModel {
    std::string provider;
    std::string model;
    std::int64_t requests = 0;
};

// Models of calls with counts and without a cost since then, most calls first.
// Errors: as read_report.
Result<std::vector<UnpricedModel>> read_unpriced_models(const std::filesystem::path& database,
                                                        UtcTime from);

// What was not metered since that day, summed over the days, most first; none in an older file.
// Errors: as read_report.
Result<std::vector<UnmeteredRow>> read_unmetered(const std::filesystem::path& database,
                                                 UtcTime from);

struct DatabaseFacts {
    int schema_number = 0;
    int known_schema_number = 0;  // the newest that this program makes
    std::int64_t request_count = 0;
    std::optional<UtcTime> newest_request_at;
    std::uint64_t file_bytes = 0;  // with its log
};

// Errors: as read_report.
Result<DatabaseFacts> read_database_facts(const std::filesystem::path& database);

// What SQLite itself says about the file's soundness: empty when it is sound, else its first
// complaint. Given up at `limit`, as a large file takes seconds: then empty too.
// Errors: as read_report.
Result<std::string> check_database(const std::filesystem::path& database,
                                   std::chrono::milliseconds limit);

}  // namespace halton::store
