#include "meter/policy_book.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"

namespace halton::meter {

std::string to_sentence(const Happening& happening) {
    const auto& policy = happening.policy;
    if (happening.kind == Happening::Kind::blocked)
        return fmt::format(
            "policy '{}' has blocked {} by {} for {}", policy.name,
            happening.call_count == 1 ? "a call" : fmt::format("{} calls", happening.call_count),
            happening.tool.empty() ? "a program" : happening.tool,
            happening.model.empty() ? happening.provider : happening.model);
    if (policy.kind == PolicyKind::budget)
        return fmt::format("budget '{}' has reached {} % of {} a {}: {}", policy.name,
                           happening.percent, to_dollar_text(policy.limit), name_of(policy.period),
                           to_dollar_text(happening.spent));
    return fmt::format("policy '{}' matches {} of {}{}", policy.name, happening.model,
                       happening.project,
                       happening.is_let_through ? ", which could not be blocked" : "");
}

std::string to_detail(const Happening& happening) {
    const auto& policy = happening.policy;
    JsonWriter json(JsonWriter::Layout::compact);
    json.begin_object().text("policy", policy.name).number("policy_id", policy.id);
    json.text("kind", name_of(policy.kind)).text("action", name_of(policy.action));
    const auto add = [&json](std::string_view key, const std::string& word) {
        if (!word.empty()) json.text(key, word);
    };
    add("provider", happening.provider);
    add("model", happening.model);
    add("tool", happening.tool);
    if (happening.kind != Happening::Kind::threshold && happening.percent == 0)
        json.number("calls", happening.call_count);
    if (happening.is_let_through) json.flag("let_through", true);
    if (policy.kind == PolicyKind::budget) {
        json.text("period", name_of(policy.period));
        json.text("period_start", to_iso8601(happening.period.from));
        json.number("limit_nanousd", policy.limit.value);
        json.number("spent_nanousd", happening.spent.value);
        if (happening.percent > 0) json.number("percent", happening.percent);
    }
    json.text("message", to_sentence(happening)).end();
    return json.finish();
}

PolicyBook::PolicyBook(Tell tell) : tell_(std::move(tell)) {}

void PolicyBook::load(std::vector<Policy> policies, std::span<const NanoUsd> spent,
                      std::span<const std::string> included_calls, UtcTime now) {
    const bool is_changed = !std::equal(policies.begin(), policies.end(), policies_.begin(),
                                        policies_.end(), is_same_policy);
    if (is_changed) ++generation_;
    const std::set<std::string_view> included(included_calls.begin(), included_calls.end());
    std::erase_if(pending_, [&](const Pending& call) { return included.contains(call.id); });

    std::map<std::int64_t, Budget> budgets;
    for (const Policy& policy : policies) {
        if (policy.kind != PolicyKind::budget) continue;
        Budget& budget = budgets[policy.id];
        budget.period = period_at(policy.period, now);
        // Of the same budget people know already; a changed limit is news.
        const auto known = budgets_.find(policy.id);
        const auto before =
            std::find_if(policies_.begin(), policies_.end(),
                         [&](const Policy& old) { return is_same_policy(old, policy); });
        if (known != budgets_.end() && before != policies_.end() &&
            known->second.period == budget.period)
            budget.told_percent = known->second.told_percent;
    }
    policies_ = std::move(policies);
    budgets_ = std::move(budgets);
    spent_.assign(policies_.size(), NanoUsd{});
    for (std::size_t i = 0; i < policies_.size(); ++i) {
        if (i < spent.size()) spent_[i] = spent[i];
        for (const Pending& call : pending_) add(call, i);
    }
    look_at_thresholds(now);
}

void PolicyBook::fail() {
    ++counts_.failures;
    if (policies_.empty()) return;
    ++generation_;
    policies_.clear();
    spent_.clear();
}

std::vector<std::string> PolicyBook::pending_calls() const {
    std::vector<std::string> ids;
    for (const Pending& call : pending_) ids.push_back(call.id);
    return ids;
}

void PolicyBook::add(const Pending& call, std::size_t index) {
    const Policy& policy = policies_[index];
    if (policy.kind != PolicyKind::budget) return;
    const Period& period = budgets_[policy.id].period;
    if (call.at < period.from || call.at >= period.to) return;
    if (fit(policy, call.facts()) == Fit::yes) spent_[index] = spent_[index] + call.cost;
}

// The next load brings the sums; until then what has ended in the new period is known.
void PolicyBook::roll_over(UtcTime now) {
    for (std::size_t i = 0; i < policies_.size(); ++i) {
        const Policy& policy = policies_[i];
        if (policy.kind != PolicyKind::budget) continue;
        Budget& budget = budgets_[policy.id];
        // Only forwards: a clock that jumps back must not forget what was spent.
        if (now < budget.period.to) continue;
        budget = {period_at(policy.period, now), 0};
        spent_[i] = NanoUsd{};
        for (const Pending& call : pending_) add(call, i);
    }
}

Verdict PolicyBook::judge(const CallFacts& facts, UtcTime now) {
    if (policies_.empty()) return {};
    roll_over(now);
    return meter::judge(policies_, spent_, facts);
}

void PolicyBook::note_finished(const CallRecord& call) {
    // Also without policies: the first load has to find what it has not included.
    Pending ended{call.id,           call.requested_at, call.cost.value_or(NanoUsd{}),
                  call.project_slug, call.provider,     call.requested_model,
                  call.model,        call.client.tool,  call.billing == BillingMode::plan};
    roll_over(call.requested_at);
    for (std::size_t i = 0; i < policies_.size(); ++i) add(ended, i);
    const auto verdict = call.billing == BillingMode::free
                             ? Verdict{}
                             : meter::judge(policies_, spent_, ended.facts());
    if (ended.cost.value != 0) {
        if (pending_.size() >= limits::policy_pending_calls_max) pending_.pop_front();
        pending_.push_back(std::move(ended));
    }
    for (const Policy* policy : verdict.matched) {
        // Of budgets people hear when a threshold is reached, not with each call behind it.
        if (policy->kind == PolicyKind::budget) continue;
        const RateKey key{policy->id, call.project_slug};
        if (rates_.size() >= limits::policy_match_keys_max && !rates_.contains(key)) rates_.clear();
        Rate& rate = rates_[key];
        ++rate.untold;
        if (rate.told > 0 && call.requested_at < rate.begun_at + limits::policy_match_pause)
            continue;
        auto happening = make(Happening::Kind::matched, *policy, call);
        happening.call_count = rate.untold;
        happening.is_let_through = policy->action == PolicyAction::block;
        rate = {call.requested_at, 1, 0};
        tell_(std::move(happening));
    }
    look_at_thresholds(call.requested_at);
}

void PolicyBook::note_blocked(const CallRecord& call, const Policy& policy) {
    ++counts_.blocked;
    const RateKey key{policy.id, {}};
    if (rates_.size() >= limits::policy_match_keys_max && !rates_.contains(key)) rates_.clear();
    Rate& rate = rates_[key];
    if (call.requested_at >= rate.begun_at + std::chrono::hours(1)) {
        rate.begun_at = call.requested_at;
        rate.told = 0;
    }
    ++rate.untold;
    if (rate.told >= limits::policy_events_an_hour_max) return;
    ++rate.told;
    auto happening = make(Happening::Kind::blocked, policy, call);
    happening.call_count = std::exchange(rate.untold, 0);
    tell_(std::move(happening));
}

Happening PolicyBook::make(Happening::Kind kind, const Policy& policy,
                           const CallRecord& call) const {
    Happening happening;
    happening.kind = kind;
    happening.at = call.requested_at;
    happening.policy = policy;
    happening.project = call.project_slug;
    happening.provider = call.provider;
    happening.model = call.requested_model.empty() ? call.model : call.requested_model;
    happening.tool = call.client.tool;
    happening.request_id = call.id;
    if (policy.kind != PolicyKind::budget) return happening;
    for (std::size_t i = 0; i < policies_.size(); ++i)
        if (policies_[i].id == policy.id) happening.spent = spent_[i];
    if (const auto budget = budgets_.find(policy.id); budget != budgets_.end())
        happening.period = budget->second.period;
    return happening;
}

// Each mark once in a period; when several are passed at once, the highest alone.
void PolicyBook::look_at_thresholds(UtcTime now) {
    for (std::size_t i = 0; i < policies_.size(); ++i) {
        const Policy& policy = policies_[i];
        if (policy.kind != PolicyKind::budget || !policy.is_enabled) continue;
        Budget& budget = budgets_[policy.id];
        const auto percent = percent_of(spent_[i], policy.limit);
        const int mark = percent >= 100 ? 100 : percent >= 80 ? 80 : percent >= 50 ? 50 : 0;
        if (mark <= budget.told_percent) continue;
        budget.told_percent = mark;
        Happening happening;
        happening.kind = mark == 100 ? Happening::Kind::matched : Happening::Kind::threshold;
        happening.at = now;
        happening.policy = policy;
        happening.project = policy.project;
        happening.period = budget.period;
        happening.spent = spent_[i];
        happening.percent = mark;
        tell_(std::move(happening));
    }
}

}  // namespace halton::meter
