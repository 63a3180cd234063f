#include "meter/charge.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "meter/pricing.h"
#include "meter/providers/provider.h"

namespace halton::meter {

namespace {

void take_stated(CallRecord& call, CostState state) {
    call.cost = call.provider_cost;
    call.cost_state = state;
    call.rates_source = "provider";
    call.price_id = "reported";
    call.price_date = to_iso8601(call.requested_at).substr(0, 10);
}

const Provider* find_provider(std::string_view id) {
    const auto rows = all_providers();
    const auto found =
        std::find_if(rows.begin(), rows.end(), [&](const Provider* row) { return row->id == id; });
    return found == rows.end() ? nullptr : *found;
}

struct BilledName {
    std::string model;
    bool is_sure = true;
};

// By which name a call is charged. Amazon bills what was asked for, which says the region too;
// answers there give the maker's own name of the model. Elsewhere the answer's name counts.
// An account's own profile is an id that says nothing. Where the answer names the model, its price
// without a region's extra charge is near, and no promise.
BilledName billed_model(const PriceBook& prices, const CallRecord& call) {
    const Provider* provider = find_provider(call.provider);
    if (provider == nullptr || !provider->is_priced_by_request || call.requested_model.empty())
        return {call.model};
    const auto is_listed = [&](std::string_view model) {
        return prices.find({call.provider, model, call.kind, call.service_tier, call.requested_at})
            .has_value();
    };
    if (is_listed(call.requested_model)) return {call.requested_model};
    const bool is_own_profile =
        call.requested_model.find(":application-inference-profile/") != std::string::npos;
    if (is_own_profile && call.model.starts_with("claude-")) {
        for (const std::string_view version : {"-v1:0", "-v2:0", "-v1", ""}) {
            std::string sold_as = fmt::format("anthropic.{}{}", call.model, version);
            if (is_listed(sold_as)) return {std::move(sold_as), false};
        }
    }
    return {call.model};
}

std::optional<PricedCall> price_of(const PriceBook& prices, const CallRecord& call,
                                   std::vector<PriceStory>* stories) {
    const auto next_story = [stories] {
        return stories == nullptr ? nullptr : &stories->emplace_back();
    };
    const auto [model, is_sure] = billed_model(prices, call);
    PriceQuery query{call.provider,     model,      call.kind,  call.service_tier,
                     call.requested_at, call.speed, call.region};
    if (call.sub_calls.empty()) {
        auto priced = prices.price(query, call.usage, next_story());
        if (priced && !is_sure) priced->state = CostState::estimated;
        return priced;
    }

    std::optional<PricedCall> total;
    for (const SubCall& sub_call : call.sub_calls) {
        TokenUsage usage = sub_call.usage;
        // Searches are only counted for the whole call.
        if (!total) usage.web_search_count = call.usage.web_search_count;
        query.model = sub_call.model.empty() ? std::string_view(model) : sub_call.model;
        const auto part = prices.price(query, usage, next_story());
        if (!part) return std::nullopt;
        if (!total) {
            total = part;
            continue;
        }
        total->cost = total->cost + part->cost;
        if (part->state != CostState::exact) total->state = part->state;
        if (part->rates_source == "override") total->rates_source = part->rates_source;
        const bool is_new = total->price_id.find(part->price_id) == std::string::npos;
        if (is_new && total->price_id.size() + part->price_id.size() < limits::price_id_bytes_max) {
            total->price_id += ',' + part->price_id;
        }
    }
    return total;
}

}  // namespace

bool states_final_cost(std::string_view provider) {
    const Provider* row = find_provider(provider);
    return row != nullptr && row->states_cost;
}

void charge(const PriceBook& prices, CallRecord& call, std::vector<PriceStory>* stories) {
    call.cost.reset();
    call.cost_state = CostState::unknown;
    call.rates_source.clear();
    call.price_id.clear();
    call.price_date.clear();
    if (call.billing == BillingMode::deferred) return;
    if (call.billing == BillingMode::free) {
        call.cost = NanoUsd{0};
        call.cost_state = CostState::exact;
        call.rates_source = prices.source();
        call.price_id = "free";
        call.price_date = prices.bundle_date();
        return;
    }
    if (call.provider_cost && states_final_cost(call.provider)) {
        return take_stated(
            call, call.is_provider_cost_reckoned ? CostState::estimated : CostState::exact);
    }
    const bool is_refused = call.http_status >= 400;
    if (!call.has_usage && !is_refused) return;
    if (!call.has_usage) {
        const auto known = prices.find({call.provider, billed_model(prices, call).model, call.kind,
                                        call.service_tier, call.requested_at});
        if (!known) return;
        call.cost = NanoUsd{0};
        call.cost_state = call.tokens_complete ? CostState::exact : CostState::estimated;
        call.rates_source = known->rates_source;
        call.price_id = known->price_id;
        call.price_date = known->price_date;
        return;
    }
    auto priced = price_of(prices, call, stories);
    if (!priced) return;
    call.cost = priced->cost;
    call.rates_source = std::move(priced->rates_source);
    call.price_id = std::move(priced->price_id);
    call.price_date = std::move(priced->price_date);
    const bool is_exact =
        priced->state == CostState::exact && call.tokens_complete && !call.has_unpriced_part;
    call.cost_state = is_exact ? CostState::exact : CostState::estimated;
}

}  // namespace halton::meter
