// Policies: what people want to be told of, and what they forbid. A rule looks at the model of a
// call, a budget at what its kind of calls has cost in the running period.
// In:    the policies in their order, what each budget has spent, the facts of one call.
// Out:   which of them match, and whether one blocks the call.
// Fails: never. What is not known (a model that stands in a body) is said, not guessed.
// Money is exact; only the forecast is not. Periods are those of UTC; a week begins on Monday.
// Pure. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/money.h"

namespace halton::meter {

enum class PolicyKind { model_rule, budget };
enum class PolicyAction { log, warn, block };
enum class BudgetPeriod { day, week, month };
std::string_view name_of(PolicyKind kind);
std::string_view name_of(PolicyAction action);
std::string_view name_of(BudgetPeriod period);
// Nothing for any other word.
std::optional<PolicyKind> parse_policy_kind(std::string_view word);
std::optional<PolicyAction> parse_policy_action(std::string_view word);
std::optional<BudgetPeriod> parse_budget_period(std::string_view word);

struct Policy {
    std::int64_t id = 0;
    std::string name;
    bool is_enabled = true;
    int priority = 100;  // the lowest first
    PolicyKind kind = PolicyKind::model_rule;
    PolicyAction action = PolicyAction::log;
    // Whose calls it concerns; empty: all.
    std::string project;
    std::vector<std::string> old_projects;  // old slugs of that project, whose calls are its own
    std::string provider;
    std::string model;  // a glob: '*' any letters, '?' one; case does not matter
    std::string tool;
    // Of a budget.
    NanoUsd limit;
    BudgetPeriod period = BudgetPeriod::month;
    bool counts_plan = false;  // what a subscription covers counts too, at its list price
    std::string created_at;
    std::string updated_at;  // empty: never changed
};

// Whether both say the same, whenever they were written.
bool is_same_policy(const Policy& a, const Policy& b);

// The order of evaluation: priority, then those of one project before those of all, then the id.
bool is_before(const Policy& a, const Policy& b);

// What a policy asks of a call. Views: the caller's texts outlive it.
struct CallFacts {
    std::string_view project;
    std::string_view provider;
    std::string_view model;           // as asked for
    std::string_view answered_model;  // as the provider names it; empty: not known
    std::string_view tool;
    bool is_plan = false;        // covered by a subscription
    bool is_model_known = true;  // false: it stands in a body that was not read yet
};

enum class Fit { no, needs_model, yes };

// Whether a call is one of those that the policy speaks of, whatever was spent. `why` becomes what
// decided, for people; null: nobody asks.
Fit fit(const Policy& policy, const CallFacts& facts, std::string* why = nullptr);

struct Verdict {
    std::vector<const Policy*> matched;  // in their order, up to the one that blocks
    const Policy* blocked_by = nullptr;
    bool needs_model = false;  // a policy would block for some models, and this call's is not known
};

// `policies` in their order, and what each has spent (budgets; others are not looked at).
Verdict judge(std::span<const Policy> policies, std::span<const NanoUsd> spent,
              const CallFacts& facts);

// Whether a call of that project at that provider could be blocked at all, today or when more is
// spent. Empty texts: not known yet.
bool may_block(std::span<const Policy> policies, std::string_view project,
               std::string_view provider);

bool matches_glob(std::string_view pattern, std::string_view text);

struct Period {
    UtcTime from;
    UtcTime to;  // exclusive: when it begins anew
    bool operator==(const Period&) const = default;
};
Period period_at(BudgetPeriod period, UtcTime now);

// What the period will have cost at the pace so far; nothing while too little of it has passed.
std::optional<NanoUsd> forecast(NanoUsd spent, const Period& period, UtcTime now);

// How much of the limit that is, in whole percent, rounded down: 100 means it is reached.
std::int64_t percent_of(NanoUsd spent, NanoUsd limit);

// "12.50", "$12.5" as nano-dollars: exact, up to nine decimals. Nothing for anything else, for
// nothing at all and for more than budget_dollars_max.
std::optional<NanoUsd> parse_dollars(std::string_view text);

// "anthropic claude-opus-* of shop by claude-code": whom it concerns, "all calls" for everybody.
std::string to_scope_text(const Policy& policy);

}  // namespace halton::meter
