#include <algorithm>

#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t {
    model,
    usage,
    finish,
    block,
    error,
    code,
    inner_model,
    inner_usage,
    inner_finish,
    inner_block,
    queries,
    inner_queries,
    places,
    inner_places,
};
// Code Assist wraps the same answer into "response".
constexpr JsonPaths paths{"modelVersion",
                          "usageMetadata",
                          "candidates[].finishReason",
                          "promptFeedback.blockReason",
                          "error",
                          "code",
                          "response.modelVersion",
                          "response.usageMetadata",
                          "response.candidates[].finishReason",
                          "response.promptFeedback.blockReason",
                          "candidates[].groundingMetadata.webSearchQueries",
                          "response.candidates[].groundingMetadata.webSearchQueries",
                          "candidates[].groundingMetadata.groundingChunks[].maps",
                          "response.candidates[].groundingMetadata.groundingChunks[].maps"};

// Chunks are large and few, and every one carries the counts so far.
EventUse judge(const http::SseEvent&, const Reading&) { return EventUse::read; }

// Tokens of one modality in [{"modality":"AUDIO","tokenCount":12}, ...].
std::int64_t count_of(JsonView details, std::string_view modality) {
    std::int64_t count = 0;
    details.for_each_element([&](JsonView detail) {
        if (detail["modality"].as_string() == modality) count += to_count(detail["tokenCount"]);
    });
    return count;
}

// The last usage object counts, whole: chunks repeat the totals so far.
void read_usage(JsonView usage, Reading& reading) {
    if (!usage.is_object()) return;
    TokenUsage counts;
    counts.web_search_count = reading.usage.web_search_count;
    counts.input_includes_cache = true;
    counts.output_includes_reasoning = false;
    counts.input = to_count(usage["promptTokenCount"]);
    counts.output = to_count(usage["candidatesTokenCount"]);
    counts.reasoning = to_count(usage["thoughtsTokenCount"]);
    counts.cache_read = to_count(usage["cachedContentTokenCount"]);
    counts.tool_input = to_count(usage["toolUsePromptTokenCount"]);
    counts.audio_input = count_of(usage["promptTokensDetails"], "AUDIO");
    counts.image_input = count_of(usage["promptTokensDetails"], "IMAGE");
    counts.audio_output = count_of(usage["candidatesTokensDetails"], "AUDIO");
    counts.image_output = count_of(usage["candidatesTokensDetails"], "IMAGE");
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

void read(const Document& document, Reading& reading) {
    read_usage(document.value(usage), reading);
    read_usage(document.value(inner_usage), reading);
    // Chunks repeat what was searched so far. Looking up places has a fee that nothing counts.
    for (const std::size_t list : {queries, inner_queries}) {
        std::int64_t count = 0;
        document.value(list).for_each_element([&](JsonView) { ++count; });
        reading.usage.web_search_count = std::max(reading.usage.web_search_count, count);
    }
    for (const std::size_t place : {places, inner_places}) {
        if (!document.text(place).empty()) reading.has_unpriced_part = true;
    }
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    take_text(reading.model, document.string(inner_model), limits::model_bytes_max);
    for (const std::size_t mark : {finish, inner_finish, block, inner_block}) {
        if (!document.text(mark).empty()) reading.is_ended = true;
    }
    if (auto found = read_error(document, error, code)) reading.error = std::move(found);
}

}  // namespace

const Shape gemini_generate{"gemini_generate", &paths, judge, read};

}  // namespace halton::meter::shapes
