// Subscriptions: which calls one covers, and how full the provider says that it is. Looks at hosts
// and heads; of a credential only at its kind. Pure.
// Limits: plan_limits_max of an answer; names and words of the wire are cut.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "http/head.h"
#include "meter/call.h"

namespace halton::meter {

// Hosts that only subscriptions reach, and tokens of a login where a key would be metered.
bool is_plan_call(std::string_view host, const http::HeaderList& request);

// Whether the answer says that use beyond the plan is charged by use.
bool is_paid_overage(const http::HeaderList& response);

// anthropic-ratelimit-unified-* and x-codex-* headers; mostly none.
std::vector<PlanLimit> read_plan_limits(const http::HeaderList& response, UtcTime now);

// The windows of a codex.rate_limits event: its "rate_limits", "metered_limit_name" (empty:
// "codex") and "plan_type".
void read_codex_limits(JsonView windows, std::string family, std::string_view plan,
                       std::vector<PlanLimit>& limits);

}  // namespace halton::meter
