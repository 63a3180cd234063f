// Usage: how much was used and what it cost, by time, project, provider, model, tool and billing.
// In:    a Reader and a query. Out: rows of sums, exact to the nano-dollar and always the sums of
//        the rows of `requests`: taken from the roll-ups (store/rollups.h) as far as they cover the
//        time asked for, from the rows themselves at edges that cut an hour, in files without
//        roll-ups and where those are still being filled.
// Fails: as Reader; too_large (more periods or rows than the limits). An unknown project has none.
// Thread: that of the Reader. Limits: usage_periods_max, usage_rows_max, usage_zone_spans_max.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"
#include "store/reader.h"

namespace halton::store {

class FastRows;

// Where local days begin: the offset from UTC, and when it changes (summer time). The first span
// holds for everything before it too. No span: UTC.
struct DayZone {
    struct Span {
        UtcTime from;
        std::chrono::minutes offset{0};  // east of UTC is positive
    };
    std::vector<Span> spans;  // by time

    std::chrono::minutes offset_at(UtcTime time) const;
    // "2026-11-21": the day there at that moment.
    std::string day_of(UtcTime time) const;
    // When that day, the week (from Monday) and the month around that moment began there, and when
    // the next one does.
    UtcTime day_start(UtcTime time) const;
    UtcTime next_day_start(UtcTime time) const;
    UtcTime week_start(UtcTime time) const;
    UtcTime month_start(UtcTime time) const;
    UtcTime next_month_start(UtcTime time) const;
};

struct UsageSums {
    std::int64_t requests = 0;
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    std::int64_t thinking_tokens = 0;
    std::int64_t cache_read_tokens = 0;
    std::int64_t cache_write_tokens = 0;
    // What is paid by use; a row without a price adds nothing.
    NanoUsd cost;
    // Covered by a subscription: what that use would have cost by the list.
    NanoUsd plan_cost;
    std::int64_t plan_requests = 0;
    std::int64_t unpriced_requests = 0;
    std::int64_t plan_unpriced_requests = 0;  // a part of unpriced_requests
    std::int64_t estimated_requests = 0;
    std::int64_t incomplete_requests = 0;
    std::int64_t error_requests = 0;  // status is not success
    std::int64_t latency_us = 0;      // of the rows that have one
    std::int64_t latency_requests = 0;

    void add(const UsageSums& more);
    void take(const UsageSums& less);
    bool operator==(const UsageSums&) const = default;
    std::optional<double> avg_latency_ms() const;
    // cache_read / (input + cache_read), 0 without either.
    double cache_hit_rate() const;
};

enum class UsageGroup { hour, day, week, month, project, provider, model, tool, billing };

struct UsageQuery {
    // [from, to). Nothing: since the first row, until the last one.
    std::optional<UtcTime> from;
    std::optional<UtcTime> to;
    std::optional<std::string> project;  // its slug
    std::optional<std::string> provider;
    std::optional<std::string> model;
    std::optional<std::string> tool;   // "" is the calls whose tool nobody knows
    std::vector<UsageGroup> group_by;  // at most one of hour, day, week, month. Empty: one row
    // For day, week and month; hours are UTC's.
    DayZone zone;
    // A zero row for each period without calls, where only a period is grouped by.
    bool has_empty_periods = false;
    // Calls and their cost, all that a chart shows; the other sums stay 0. Half the time of all.
    bool is_spend_only = false;
    // Wanted beside the sums, for groups without a period: a look into the hours in question.
    bool has_first_at = false;
    bool has_last_at = false;
};

struct UsageRow {
    // What is not grouped by is empty. Hours "2026-11-21T10", days and weeks (by their Monday)
    // "2026-11-21", months "2026-11".
    std::string period;
    std::string project;  // slug
    std::string provider;
    std::string model;
    std::string tool;     // "": nobody knows
    std::string billing;  // name_of(meter::BillingMode)
    UsageSums sums;
    std::optional<UtcTime> first_at;
    std::optional<UtcTime> last_at;
    bool operator==(const UsageRow&) const = default;
};

// By period, then by cost descending, plan cost descending, then by the names.
Result<std::vector<UsageRow>> read_usage(Reader& reader, const UsageQuery& query);

struct UsageSummary {
    UsageSums sums;
    std::int64_t active_projects = 0;
    std::int64_t models_in_use = 0;
    std::optional<UtcTime> first_request_at;
    std::optional<UtcTime> last_request_at;
};

// Of the query's time and filters; its groups do not matter.
Result<UsageSummary> read_usage_summary(Reader& reader, const UsageQuery& query);

// For other queries of store/, inside of a transaction. Fail: with SQLite::Exception.
Result<std::vector<UsageRow>> read_usage_rows(SQLite::Database& database, const UsageQuery& query);
UsageSums sum_usage(SQLite::Database& database, const UsageQuery& query);
// The columns of rollup_sums() from that one on; of calls that a plan covers, or that it does not.
UsageSums to_usage_sums(FastRows& row, int column, bool is_plan);

struct ProjectUsage {
    std::int64_t id = 0;
    std::string slug;
    std::string name;
    std::string created_at;   // as stored, ISO-8601
    std::string archived_at;  // empty: in use
    UsageSums this_month;
    UsageSums previous_month;
    UsageSums all_time;
    std::optional<UtcTime> last_active_at;
    // By count of calls; empty without calls.
    std::string primary_model;
    std::string primary_provider;
    // By cost of all time, that of subscriptions where nothing was paid.
    std::string top_model;
    std::string top_provider;
};

// All projects, archived ones too, by slug; or the one with that slug (an old one leads to the
// project that has it now), or none. Months are those of `zone` around `now`.
Result<std::vector<ProjectUsage>> read_project_usage(
    Reader& reader, UtcTime now, const DayZone& zone = {},
    const std::optional<std::string>& slug = std::nullopt);

}  // namespace halton::store
