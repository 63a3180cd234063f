#include "base/limits.h"
#include "meter/plan.h"
#include "meter/providers/shapes/openai_usage.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t {
    type,
    model,
    usage,
    service_tier,
    status,
    error,
    code,
    message,
    inner_model,
    inner_usage,
    inner_tier,
    inner_error,
    id,
    inner_id,
    detail,
    items,
    actions,
    inner_items,
    inner_actions,
    rate_limits,
    plan_type,
    limit_name,
};
constexpr JsonPaths paths{"type",           "model",          "usage",
                          "service_tier",   "status",         "error",
                          "code",           "message",        "response.model",
                          "response.usage", "response.service_tier", "response.error",
                          "id",             "response.id",    "detail",
                          "output[].type+", "output[].action.type+", "response.output[].type+",
                          "response.output[].action.type+",
                          "rate_limits", "plan_type", "metered_limit_name"};

bool is_end(std::string_view name) {
    return name == "response.completed" || name == "response.incomplete" ||
           name == "response.failed" || name == "response.done";
}

EventUse judge(const http::SseEvent& event, const Reading& so_far) {
    if (event.data == "[DONE]") return EventUse::skip;  // some gateways add one
    if (!event.type.empty()) {
        const bool is_first = so_far.model.empty() && event.type == "response.created";
        if (event.type == "codex.rate_limits") return EventUse::read;
        return is_first || is_end(event.type) || event.type == "error" ? EventUse::read
                                                                       : EventUse::skip;
    }
    // Without "event:" lines the type stands in the data.
    const std::string_view data = event.data;
    if (data.starts_with(R"({"type":"codex.rate_limits")")) return EventUse::read;
    return so_far.model.empty() || has_text(data, R"("usage")") ||
                   has_text(data, R"("error")")
               ? EventUse::read
               : EventUse::skip;
}

void read_limits(const Document& document, Reading& reading) {
    std::string family(document.string(limit_name));
    const std::string plan(document.string(plan_type));
    read_codex_limits(document.value(rate_limits), std::move(family), plan, reading.plan_limits);
}

void read(const Document& document, Reading& reading) {
    if (document.string(type) == "codex.rate_limits") return read_limits(document, reading);
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    take_text(reading.model, document.string(inner_model), limits::model_bytes_max);
    take_text(reading.service_tier, document.string(service_tier), limits::error_code_bytes_max);
    take_text(reading.service_tier, document.string(inner_tier), limits::error_code_bytes_max);
    take_text(reading.response_id, document.string(inner_id), limits::request_id_bytes_max);
    if (!reading.is_streamed) {
        take_text(reading.response_id, document.string(id), limits::request_id_bytes_max);
    }
    read_openai_usage(document.value(usage), reading);
    read_openai_usage(document.value(inner_usage), reading);
    read_openai_items(document.text(items), document.text(actions), reading);
    read_openai_items(document.text(inner_items), document.text(inner_actions), reading);

    const std::string kind(document.string(type));
    const std::string state(document.string(status));
    if (is_end(kind)) reading.is_ended = true;
    if (state == "queued" || state == "in_progress") reading.is_background = true;

    if (auto found = read_error(document, error, code)) reading.error = std::move(found);
    if (auto found = read_error(document, inner_error, code)) reading.error = std::move(found);
    // The error event of a stream may carry its fields without an envelope.
    if (kind == "error" && !reading.error) {
        ProviderError flat;
        flat.code = document.string(code);
        flat.message = document.string(message);
        reading.error = std::move(flat);
    } else if (!reading.error && !document.string(detail).empty()) {
        refusal_of(reading).message = document.string(detail);
    }
}

}  // namespace

const Shape openai_responses{"openai_responses", &paths, judge, read};

}  // namespace halton::meter::shapes
