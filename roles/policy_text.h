// The texts of `policy`, `budget` and `audit`: tables for people, objects for programs. Pure.
// What was typed or came from the wire is shown without control characters.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "meter/policy.h"
#include "store/audit.h"
#include "store/policies.h"

namespace halton::roles {

std::string to_policies_text(const store::PolicyTable& table, int width);
std::string to_policies_json(const store::PolicyTable& table);

std::string to_policy_text(const meter::Policy& policy);
std::string to_policy_json(const meter::Policy& policy);

// What each policy says to one call, in the order in which they are asked.
struct PolicyAnswer {
    meter::Policy policy;
    bool is_match = false;
    bool is_asked = true;  // one before it has blocked the call
    std::string why;
};
struct PolicyTest {
    store::CallScope call;
    std::vector<PolicyAnswer> answers;
    std::string blocked_by;  // name; empty: it passes
};
// `spent`: beside the policies.
PolicyTest test_policies(const std::vector<meter::Policy>& policies,
                         const std::vector<NanoUsd>& spent, const store::CallScope& call);
std::string to_test_text(const PolicyTest& test);
std::string to_test_json(const PolicyTest& test);

// `month`: what everything costs at this pace; nothing: not known.
std::string to_budgets_text(const std::vector<store::BudgetStatus>& budgets,
                            const std::optional<store::MonthForecast>& month, int width);
std::string to_budgets_json(const std::vector<store::BudgetStatus>& budgets,
                            const std::optional<store::MonthForecast>& month);
// 0: all are under their limits, 3: one is not, 4: one that blocks is not.
int to_budget_exit_code(const std::vector<store::BudgetStatus>& budgets);

std::string to_audit_text(const store::AuditPage& page, int width);
std::string to_audit_json(const store::AuditPage& page);

}  // namespace halton::roles
