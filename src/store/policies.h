// The table of policies, and what its budgets have spent.
// A row that makes no sense is no reason to stop: it is left out with a complaint in plain words.
// Fails: not_found (no database, or no such policy), unsupported (an older schema: start the daemon
// once), malformed (what was asked for makes no policy), permission (the name is taken), busy (the
// lock is held for seconds), io.
// Blocking. Thread: any; each call has its own connection. Limits: policy_count_max.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"
#include "meter/policy.h"

namespace halton::store {

struct PolicyTable {
    std::vector<meter::Policy> policies;  // in the order of evaluation, disabled ones too
    std::vector<std::string> complaints;  // of rows that are left out, one line each
};

// A database of an older program has none.
Result<PolicyTable> read_policies(const std::filesystem::path& database);

// Its id, times and old slugs are given here; a project that is not there yet is made.
// Gives the policy as it is now. Leaves policy.created.
Result<meter::Policy> add_policy(const std::filesystem::path& database, meter::Policy policy,
                                 std::string_view actor = "cli");

// By name, or by id as digits. Leaves policy.removed, which says what it was.
Result<meter::Policy> remove_policy(const std::filesystem::path& database, const std::string& name,
                                    std::string_view actor = "cli");

// Leaves policy.changed where it was not so already.
Result<meter::Policy> enable_policy(const std::filesystem::path& database, const std::string& name,
                                    bool is_enabled, std::string_view actor = "cli");

Result<meter::Policy> find_policy(const std::filesystem::path& database, const std::string& name);

// What stands in `policies` has not changed as long as this has not: two stat calls.
struct ChangeMark {
    std::int64_t database_at_ns = 0;
    std::int64_t log_at_ns = 0;
    std::uint64_t database_bytes = 0;
    std::uint64_t log_bytes = 0;
    bool operator==(const ChangeMark&) const = default;
};
ChangeMark read_change_mark(const std::filesystem::path& database);

struct Spend {
    NanoUsd spent;
    std::int64_t requests = 0;
    std::int64_t unpriced_requests = 0;  // whose cost nobody knows; they count nothing
};
struct SpendRead {
    std::vector<Spend> by_policy;  // as the policies that were asked for; rules have none
    std::int64_t newest_row = 0;   // the rows up to this one are in it
};

// What each budget has spent in the period that `now` is in.
Result<SpendRead> read_spend(const std::filesystem::path& database,
                             std::span<const meter::Policy> policies, UtcTime now);

// Which of these calls are rows, and not newer than that one: what a SpendRead has included.
Result<std::vector<std::string>> find_calls(const std::filesystem::path& database,
                                            std::span<const std::string> ids,
                                            std::int64_t newest_row);

// A budget as people ask for it.
struct BudgetStatus {
    meter::Policy policy;
    meter::Period period;
    Spend spend;
    std::optional<NanoUsd> forecast;  // nothing while too little of the period has passed
    std::int64_t percent = 0;         // of the limit, rounded down
    // "ok", "near" (80 % or more), "over" (the limit is reached); of a disabled one "disabled".
    std::string_view state = "ok";
};
// All budgets, disabled ones too, in the order of evaluation. An older database has none.
Result<std::vector<BudgetStatus>> read_budgets(const std::filesystem::path& database, UtcTime now);

// What everything costs in the month that `now` is in, also without a budget: "at this pace".
struct MonthForecast {
    meter::Period period;
    Spend spend;
    std::optional<NanoUsd> forecast;
};
Result<MonthForecast> read_month_forecast(const std::filesystem::path& database, UtcTime now);

// A recorded call as policies look at it.
struct CallScope {
    std::string project;
    std::string provider;
    std::string model;  // as asked for
    std::string answered_model;
    std::string tool;
    bool is_plan = false;

    meter::CallFacts facts() const {
        return {project, provider, model, answered_model, tool, is_plan};
    }
};
Result<CallScope> read_call_scope(const std::filesystem::path& database, const std::string& id);

// Whoever is the first to say so for this budget, period and mark (50, 80, 100) gets true: people
// are told once, however many daemons count. Only of what is still in the table.
Result<bool> claim_notice(const std::filesystem::path& database, std::int64_t policy_id,
                          const meter::Period& period, int percent);

}  // namespace halton::store
