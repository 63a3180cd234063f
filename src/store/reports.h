// Queries beside the sums of usage.h: limits of plans, models without a price, what was not
// metered, and what the file is like. They open the file read-only, cope with a running writer,
// with an older schema (missing columns count as NULL) and with a newer one.
// Fail: not_found (no database yet), io (with the path and SQLite's word).
// Thread: any, each call has its own connection. Blocking.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/unmetered.h"

namespace halton::store {

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

// The latest that providers said about subscriptions; none in an older file.
Result<std::vector<PlanLimitRow>> read_plan_limits(const std::filesystem::path& database);

struct UnpricedModel {
    std::string provider;
    std::string model;
    std::int64_t requests = 0;
};

// Models of calls with counts and without a cost since then, most calls first.
Result<std::vector<UnpricedModel>> read_unpriced_models(const std::filesystem::path& database,
                                                        UtcTime from);

// What was not metered since that day, summed over the days, most first; none in an older file.
Result<std::vector<UnmeteredRow>> read_unmetered(const std::filesystem::path& database,
                                                 UtcTime from);

struct DatabaseFacts {
    int schema_number = 0;
    int known_schema_number = 0;  // the newest that this program makes
    std::int64_t request_count = 0;
    std::optional<UtcTime> newest_request_at;
    std::uint64_t file_bytes = 0;  // with its log
};

Result<DatabaseFacts> read_database_facts(const std::filesystem::path& database);

// What SQLite itself says about the file's soundness: empty when it is sound, else its first
// complaint. Given up at `limit`, as a large file takes seconds: then empty too.
Result<std::string> check_database(const std::filesystem::path& database,
                                   std::chrono::milliseconds limit);

}  // namespace halton::store
