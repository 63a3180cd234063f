#include "api/rows_json.h"

#include <algorithm>
#include <numeric>

namespace halton::api {

JsonWriter begin_json() {
    JsonWriter json(JsonWriter::Layout::compact);
    json.begin_object();
    return json;
}

JsonWriter& text_or_null(JsonWriter& json, std::string_view key, std::string_view value) {
    return value.empty() ? json.null(key) : json.text(key, value);
}

JsonWriter& time_or_null(JsonWriter& json, std::string_view key, std::optional<UtcTime> value) {
    return value ? json.text(key, to_iso8601(*value)) : json.null(key);
}

void write_sums(JsonWriter& json, const store::UsageSums& sums) {
    json.number("requests", sums.requests).number("error_requests", sums.error_requests);
    json.number("incomplete_requests", sums.incomplete_requests);
    // What a subscription covers needs no price.
    json.number("unpriced_requests", sums.unpriced_requests - sums.plan_unpriced_requests);
    json.number("estimated_requests", sums.estimated_requests);
    json.number("plan_requests", sums.plan_requests);
    json.number("plan_unpriced_requests", sums.plan_unpriced_requests);
    json.number("input_tokens", sums.input_tokens).number("output_tokens", sums.output_tokens);
    json.number("thinking_tokens", sums.thinking_tokens);
    json.number("cache_read_tokens", sums.cache_read_tokens);
    json.number("cache_write_tokens", sums.cache_write_tokens);
    json.number("cost_usd_minor_units", to_millicents(sums.cost));
    json.number("cost_nanousd", sums.cost.value);
    json.number("plan_cost_usd_minor_units", to_millicents(sums.plan_cost));
    json.number("plan_cost_nanousd", sums.plan_cost.value);
    json.real_or_null("avg_latency_ms", sums.avg_latency_ms());
}

std::vector<std::int64_t> apportion_millicents(const std::vector<NanoUsd>& parts) {
    constexpr std::int64_t unit = 10'000;  // nano-dollars of a millicent
    std::vector<std::int64_t> rounded;
    NanoUsd whole;
    std::int64_t missing = 0;
    for (const auto part : parts) {
        rounded.push_back(part.value / unit);
        whole = whole + part;
        missing -= rounded.back();
    }
    missing += to_millicents(whole);
    std::vector<std::size_t> order(parts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return parts[a].value % unit > parts[b].value % unit;
    });
    for (std::size_t i = 0; missing > 0 && i < order.size(); ++i, --missing) ++rounded[order[i]];
    return rounded;
}

}  // namespace halton::api
