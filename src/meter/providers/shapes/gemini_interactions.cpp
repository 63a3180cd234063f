#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t {
    type,
    model,
    usage,
    tier,
    status,
    error,
    code,
    inner_model,
    inner_usage,
    inner_tier,
    inner_error,
    id,
    inner_id,
};
constexpr JsonPaths paths{"event_type",
                          "model",
                          "usage",
                          "service_tier",
                          "status",
                          "error",
                          "code",
                          "interaction.model",
                          "interaction.usage",
                          "interaction.service_tier",
                          "interaction.error",
                          "id",
                          "interaction.id"};

EventUse judge(const http::SseEvent& event, const Reading&) {
    return event.type.starts_with("step.") ? EventUse::skip : EventUse::read;
}

std::int64_t count_of(JsonView details, std::string_view modality) {
    std::int64_t count = 0;
    details.for_each_element([&](JsonView detail) {
        if (detail["modality"].as_string() == modality) count += to_count(detail["tokens"]);
    });
    return count;
}

void read_usage(JsonView usage, Reading& reading) {
    if (!usage.is_object()) return;
    TokenUsage counts;
    counts.input_includes_cache = true;
    counts.output_includes_reasoning = false;
    counts.input = to_count(usage["total_input_tokens"]);
    counts.output = to_count(usage["total_output_tokens"]);
    counts.reasoning = to_count(usage["total_thought_tokens"]);
    counts.cache_read = to_count(usage["total_cached_tokens"]);
    counts.tool_input = to_count(usage["total_tool_use_tokens"]);
    counts.audio_input = count_of(usage["input_tokens_by_modality"], "audio");
    counts.image_input = count_of(usage["input_tokens_by_modality"], "image");
    const JsonView cached = usage["cached_tokens_by_modality"];
    counts.has_cache_modalities = cached.is_array();
    counts.audio_cache_read = count_of(cached, "audio");
    counts.image_cache_read = count_of(cached, "image");
    counts.audio_output = count_of(usage["output_tokens_by_modality"], "audio");
    counts.image_output = count_of(usage["output_tokens_by_modality"], "image");
    // Tools of Google's that ran here have fees, and how often they ran is not counted.
    if (counts.tool_input > 0) reading.has_unpriced_part = true;
    reading.usage = counts;
    reading.has_usage = true;
}

void read(const Document& document, Reading& reading) {
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    take_text(reading.model, document.string(inner_model), limits::model_bytes_max);
    take_text(reading.service_tier, document.string(tier), limits::error_code_bytes_max);
    take_text(reading.service_tier, document.string(inner_tier), limits::error_code_bytes_max);
    take_text(reading.response_id, document.string(inner_id), limits::request_id_bytes_max);
    if (!reading.is_streamed) {
        take_text(reading.response_id, document.string(id), limits::request_id_bytes_max);
    }
    read_usage(document.value(usage), reading);
    read_usage(document.value(inner_usage), reading);
    const std::string kind(document.string(type));
    if (kind == "interaction.completed" || kind == "interaction.failed") reading.is_ended = true;
    if (document.string(status) == "in_progress" && kind.empty()) reading.is_background = true;
    if (auto found = read_error(document, error, code)) reading.error = std::move(found);
    if (auto found = read_error(document, inner_error, code)) reading.error = std::move(found);
}

}  // namespace

const Shape gemini_interactions{"gemini_interactions", &paths, judge, read, nullptr, false,
                                &refusals::google};

}  // namespace halton::meter::shapes
