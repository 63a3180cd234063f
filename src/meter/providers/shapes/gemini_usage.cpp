#include "meter/providers/shapes/gemini_usage.h"

#include "base/limits.h"

namespace halton::meter::shapes {

namespace {

JsonView first_of(JsonView object, std::string_view a, std::string_view b) {
    const JsonView value = object[a];
    return value.is_present() ? value : object[b];
}

// Tokens of one modality in [{"modality":"AUDIO","tokenCount":12}, ...].
std::int64_t count_of(JsonView details, std::string_view modality) {
    std::int64_t count = 0;
    details.for_each_element([&](JsonView detail) {
        if (detail["modality"].as_string() == modality) count += to_count(detail["tokenCount"]);
    });
    return count;
}

}  // namespace

void read_gemini_usage(JsonView usage, Reading& reading) {
    if (!usage.is_object()) return;
    TokenUsage counts;
    counts.web_search_count = reading.usage.web_search_count;
    counts.input_includes_cache = true;
    counts.output_includes_reasoning = false;
    counts.input = to_count(usage["promptTokenCount"]);
    counts.output = to_count(first_of(usage, "candidatesTokenCount", "responseTokenCount"));
    counts.reasoning = to_count(usage["thoughtsTokenCount"]);
    counts.cache_read = to_count(usage["cachedContentTokenCount"]);
    counts.tool_input = to_count(usage["toolUsePromptTokenCount"]);
    counts.audio_input = count_of(usage["promptTokensDetails"], "AUDIO");
    counts.image_input = count_of(usage["promptTokensDetails"], "IMAGE");
    const JsonView cached = usage["cacheTokensDetails"];
    counts.has_cache_modalities = cached.is_array();
    counts.audio_cache_read = count_of(cached, "AUDIO");
    counts.image_cache_read = count_of(cached, "IMAGE");
    const JsonView made = first_of(usage, "candidatesTokensDetails", "responseTokensDetails");
    counts.audio_output = count_of(made, "AUDIO");
    counts.image_output = count_of(made, "IMAGE");
    reading.usage = counts;
    reading.has_usage = true;
    for (const std::string_view key : {"serviceTier", "trafficType"}) {
        if (const auto tier = usage[key].as_string()) {
            take_text(reading.service_tier, *tier, limits::error_code_bytes_max);
            break;
        }
    }
    // Documented inside the usage block, on the wire beside it.
    if (const auto version = usage["modelVersion"].as_string()) {
        take_text(reading.model, *version, limits::model_bytes_max);
    }
}

}  // namespace halton::meter::shapes
