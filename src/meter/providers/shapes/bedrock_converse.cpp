#include "base/limits.h"
#include "meter/providers/shapes/bedrock_usage.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t { usage, message, capital_message, routed };
constexpr JsonPaths paths{"usage", "message", "Message", "trace.promptRouter.invokedModelId"};

EventUse judge(const http::SseEvent& event, const Reading&) {
    return event.type == "metadata" ? EventUse::read : EventUse::skip;
}

void read(const Document& document, Reading& reading) {
    read_converse_usage(document.value(usage), reading);
    // A prompt router is asked by its own name and charges by whom it chose.
    take_text(reading.model, document.string(routed), limits::model_bytes_max);
    // The last message of a stream is the one with the counts.
    if (reading.is_streamed) reading.is_ended = true;
    for (const Pick text : {message, capital_message}) {
        if (!document.string(text).empty()) refusal_of(reading).message = document.string(text);
    }
}

}  // namespace

const Shape bedrock_converse{"bedrock_converse", &paths, judge, read, read_bedrock_head, false,
                             &refusals::aws};

}  // namespace halton::meter::shapes
