#include <algorithm>

#include "base/limits.h"
#include "meter/providers/shapes/gemini_usage.h"
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

void read(const Document& document, Reading& reading) {
    read_gemini_usage(document.value(usage), reading);
    read_gemini_usage(document.value(inner_usage), reading);
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

const Shape gemini_generate{"gemini_generate", &paths, judge, read, nullptr, false,
                            &refusals::google};

}  // namespace halton::meter::shapes
