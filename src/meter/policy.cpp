#include "meter/policy.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"

namespace halton::meter {
namespace {

template <class Value, std::size_t Count>
using Words = std::array<std::pair<std::string_view, Value>, Count>;

constexpr Words<PolicyKind, 2> kinds{
    {{"model_rule", PolicyKind::model_rule}, {"budget", PolicyKind::budget}}};
constexpr Words<PolicyAction, 3> actions{
    {{"log", PolicyAction::log}, {"warn", PolicyAction::warn}, {"block", PolicyAction::block}}};
constexpr Words<BudgetPeriod, 3> periods{
    {{"day", BudgetPeriod::day}, {"week", BudgetPeriod::week}, {"month", BudgetPeriod::month}}};

template <class Value, std::size_t Count>
std::string_view find_name(const Words<Value, Count>& words, Value value) {
    for (const auto& [name, known] : words)
        if (known == value) return name;
    return "unknown";
}

template <class Value, std::size_t Count>
std::optional<Value> find_value(const Words<Value, Count>& words, std::string_view word) {
    for (const auto& [name, known] : words)
        if (name == word) return known;
    return std::nullopt;
}

bool is_project(const Policy& policy, std::string_view slug) {
    return policy.project == slug ||
           std::find(policy.old_projects.begin(), policy.old_projects.end(), slug) !=
               policy.old_projects.end();
}

Fit refuse(std::string* why, std::string_view what, std::string_view wanted,
           std::string_view found) {
    if (why != nullptr)
        *why = fmt::format("it is for {} {}, the call has {}", what, wanted,
                           found.empty() ? "none" : to_safe_text(found, 128));
    return Fit::no;
}

bool is_reached(const Policy& policy, NanoUsd spent) {
    return policy.kind != PolicyKind::budget || spent >= policy.limit;
}

}  // namespace

std::string_view name_of(PolicyKind kind) { return find_name(kinds, kind); }
std::string_view name_of(PolicyAction action) { return find_name(actions, action); }
std::string_view name_of(BudgetPeriod period) { return find_name(periods, period); }

std::optional<PolicyKind> parse_policy_kind(std::string_view word) {
    return find_value(kinds, word);
}
std::optional<PolicyAction> parse_policy_action(std::string_view word) {
    return find_value(actions, word);
}
std::optional<BudgetPeriod> parse_budget_period(std::string_view word) {
    return find_value(periods, word);
}

bool is_same_policy(const Policy& a, const Policy& b) {
    return a.id == b.id && a.name == b.name && a.is_enabled == b.is_enabled && a.kind == b.kind &&
           a.action == b.action && a.project == b.project && a.old_projects == b.old_projects &&
           a.provider == b.provider && a.model == b.model && a.tool == b.tool &&
           a.limit == b.limit && a.period == b.period && a.counts_plan == b.counts_plan &&
           a.priority == b.priority;
}

bool is_before(const Policy& a, const Policy& b) {
    if (a.priority != b.priority) return a.priority < b.priority;
    if (a.project.empty() != b.project.empty()) return !a.project.empty();
    return a.id < b.id;
}

Fit fit(const Policy& policy, const CallFacts& facts, std::string* why) {
    if (!policy.is_enabled) {
        if (why != nullptr) *why = "it is disabled";
        return Fit::no;
    }
    if (!policy.project.empty() && !is_project(policy, facts.project))
        return refuse(why, "project", policy.project, facts.project);
    if (!policy.provider.empty() && policy.provider != facts.provider)
        return refuse(why, "provider", policy.provider, facts.provider);
    if (!policy.tool.empty() && policy.tool != facts.tool)
        return refuse(why, "tool", policy.tool, facts.tool);
    if (policy.kind == PolicyKind::budget && facts.is_plan && !policy.counts_plan) {
        if (why != nullptr) *why = "a subscription covers the call, and that is no spend";
        return Fit::no;
    }
    if (policy.model.empty()) return Fit::yes;
    if (!facts.is_model_known) {
        if (why != nullptr) *why = "the model is not known";
        return Fit::needs_model;
    }
    if (matches_glob(policy.model, facts.model) ||
        (!facts.answered_model.empty() && matches_glob(policy.model, facts.answered_model)))
        return Fit::yes;
    return refuse(why, "model", policy.model, facts.model);
}

Verdict judge(std::span<const Policy> policies, std::span<const NanoUsd> spent,
              const CallFacts& facts) {
    Verdict verdict;
    for (std::size_t i = 0; i < policies.size(); ++i) {
        const Policy& policy = policies[i];
        if (!is_reached(policy, i < spent.size() ? spent[i] : NanoUsd{})) continue;
        switch (fit(policy, facts)) {
            case Fit::no: break;
            case Fit::needs_model:
                verdict.needs_model |= policy.action == PolicyAction::block;
                break;
            case Fit::yes:
                verdict.matched.push_back(&policy);
                if (policy.action != PolicyAction::block) break;
                verdict.blocked_by = &policy;
                verdict.needs_model = false;
                return verdict;
        }
    }
    return verdict;
}

bool may_block(std::span<const Policy> policies, std::string_view project,
               std::string_view provider) {
    return std::any_of(policies.begin(), policies.end(), [&](const Policy& policy) {
        return policy.is_enabled && policy.action == PolicyAction::block &&
               (policy.project.empty() || project.empty() || is_project(policy, project)) &&
               (policy.provider.empty() || provider.empty() || policy.provider == provider);
    });
}

// Remembers the last star only: a later one makes every earlier choice right.
bool matches_glob(std::string_view pattern, std::string_view text) {
    std::size_t at = 0;
    std::size_t i = 0;
    std::size_t star = std::string_view::npos;
    std::size_t tried = 0;
    while (i < text.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            tried = i;
        } else if (at < pattern.size() &&
                   (pattern[at] == '?' || to_lower(pattern[at]) == to_lower(text[i]))) {
            ++at;
            ++i;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            i = ++tried;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && pattern[at] == '*') ++at;
    return at == pattern.size();
}

Period period_at(BudgetPeriod period, UtcTime now) {
    using namespace std::chrono;
    const sys_days today = floor<days>(now);
    sys_days from = today;
    sys_days to = today + days(1);
    if (period == BudgetPeriod::week) {
        from = today - (weekday(today) - Monday);
        to = from + days(7);
    } else if (period == BudgetPeriod::month) {
        const year_month_day date(today);
        from = sys_days(date.year() / date.month() / 1);
        to = sys_days(date.year() / date.month() / 1 + months(1));
    }
    return {UtcTime(from), UtcTime(to)};
}

std::optional<NanoUsd> forecast(NanoUsd spent, const Period& period, UtcTime now) {
    const auto whole = static_cast<double>((period.to - period.from).count());
    const auto passed = static_cast<double>((std::min(now, period.to) - period.from).count());
    if (whole <= 0 || passed < whole * limits::forecast_part_min) return std::nullopt;
    const double value = static_cast<double>(spent.value) * (whole / passed);
    if (!(value < 9e18)) return std::nullopt;
    // What is spent is spent, whatever the rounding.
    return std::max(spent, NanoUsd{std::llround(value)});
}

std::int64_t percent_of(NanoUsd spent, NanoUsd limit) {
    if (limit.value <= 0) return 100;
    if (spent.value <= 0) return 0;
    constexpr std::int64_t most = 1'000'000;
    if (spent.value / limit.value >= most / 100) return most;
    const std::int64_t whole = spent.value / limit.value * 100;
    const std::int64_t rest = spent.value % limit.value;
    // rest * 100 / limit without its overflow.
    return whole + (rest < INT64_MAX / 100
                        ? rest * 100 / limit.value
                        : std::min<std::int64_t>(99, rest / (limit.value / 100)));
}

std::optional<NanoUsd> parse_dollars(std::string_view text) {
    text = trim(text);
    if (!text.empty() && text.front() == '$') text.remove_prefix(1);
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view whole = text.substr(0, dot);
    std::string decimals(text.substr(std::min(dot + 1, text.size())));
    if ((dot < text.size() && decimals.empty()) || decimals.size() > 9) return std::nullopt;
    decimals.resize(9, '0');
    const auto dollars = parse_decimal(whole);
    const auto nanos = parse_decimal(decimals);
    if (!dollars || !nanos || *dollars > std::uint64_t{limits::budget_dollars_max})
        return std::nullopt;
    const auto value = static_cast<std::int64_t>(*dollars * 1'000'000'000 + *nanos);
    if (value == 0) return std::nullopt;
    return NanoUsd{value};
}

std::string to_scope_text(const Policy& policy) {
    std::string text;
    const auto add = [&text](std::string_view before, const std::string& word) {
        if (word.empty()) return;
        if (!text.empty()) text += ' ';
        text += before;
        text += to_safe_text(word, limits::policy_pattern_bytes_max);
    };
    add("", policy.provider);
    add("", policy.model);
    add("of ", policy.project);
    add("by ", policy.tool);
    return text.empty() ? "all calls" : text;
}

}  // namespace halton::meter
