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

void write_call(JsonWriter& json, const store::RequestRow& row) {
    const auto cost = row.cost ? std::optional(row.cost->value) : std::nullopt;
    json.text("id", row.id).text("provider", row.provider).text("model", row.model);
    json.text("mode", row.mode);
    json.number("input_tokens", row.input_tokens).number("output_tokens", row.output_tokens);
    json.number("thinking_tokens", row.thinking_tokens);
    json.number("cache_read_tokens", row.cache_read_tokens);
    json.number("cache_write_tokens", row.cache_write_tokens);
    json.number_or_null("cost_usd_minor_units",
                        row.cost ? std::optional(to_millicents(*row.cost)) : std::nullopt);
    json.real_or_null("latency_ms", row.latency_ms);
    json.flag("tokens_complete", row.tokens_complete);
    json.text("requested_at", row.requested_at).text("status", row.status);
    json.number_or_null("cost_nanousd", cost);
    text_or_null(json, "cost_state", row.cost_state);
    text_or_null(json, "billing_mode", row.billing);
    json.text("project", row.project).text("request_kind", row.request_kind);
    text_or_null(json, "rates_source", row.rates_source);
    text_or_null(json, "price_id", row.price_id);
    text_or_null(json, "price_date", row.price_date);
    text_or_null(json, "requested_model", row.requested_model);
    json.number_or_null("http_status", row.http_status);
    text_or_null(json, "error_class", row.error_class);
    text_or_null(json, "error_wire_class", meter::to_wire_class(row.error_class));
    text_or_null(json, "provider_error_code", row.provider_error_code);
    row.retryable ? json.flag("retryable", *row.retryable) : json.null("retryable");
    json.real_or_null("time_to_first_byte_ms", row.time_to_first_byte_ms);
    text_or_null(json, "client_tool", row.client_tool);
    text_or_null(json, "client_version", row.client_version);
    text_or_null(json, "session_id", row.session_id);
    text_or_null(json, "agent_name", row.agent_name);
    text_or_null(json, "git_branch", row.git_branch);
    json.number_or_null("retry_count", row.retry_count);
}

store::RequestRow to_row(const meter::CallRecord& call) {
    store::RequestRow row;
    row.id = call.id;
    row.project = call.project_slug;
    row.requested_at = to_iso8601(call.requested_at);
    row.provider = call.provider;
    row.model = call.model;
    row.requested_model = call.requested_model;
    row.mode = call.mode;
    row.request_kind = meter::name_of(call.kind);
    row.input_tokens = call.usage.input;
    row.output_tokens = call.usage.output;
    row.thinking_tokens = call.usage.reasoning;
    row.cache_read_tokens = call.usage.cache_read;
    row.cache_write_tokens = call.usage.cache_write;
    row.cost = call.cost;
    row.cost_state = meter::name_of(call.cost_state);
    row.rates_source = call.rates_source;
    row.price_id = call.price_id;
    row.price_date = call.price_date;
    row.billing = meter::name_of(call.billing);
    row.latency_ms = call.latency_ms;
    row.time_to_first_byte_ms = call.time_to_first_byte_ms;
    row.tokens_complete = call.tokens_complete;
    row.status = call.status;
    if (call.error) {
        row.error_class = meter::name_of(call.error->error_class);
        row.provider_error_code = call.error->provider_code;
        row.retryable = call.error->is_retryable;
    }
    if (call.http_status != 0) row.http_status = call.http_status;
    row.retry_count = call.retry_count;
    row.client_tool = call.client.tool;
    row.client_version = call.client.version;
    row.session_id = call.client.session_id;
    row.agent_name = call.client.agent_name;
    row.git_branch = call.git_branch;
    return row;
}

std::string to_call_json(const meter::CallRecord& call) {
    auto json = begin_json();
    write_call(json, to_row(call));
    json.end();
    return json.finish();
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
