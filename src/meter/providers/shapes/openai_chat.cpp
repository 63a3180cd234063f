#include "base/limits.h"
#include "meter/providers/shapes/openai_usage.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t { model, usage, service_tier, error, code };
constexpr JsonPaths paths{"model", "usage", "service_tier", "error", "code"};

EventUse judge(const http::SseEvent& event, const Reading& so_far) {
    if (event.data == "[DONE]") return EventUse::end_mark;
    // The first chunk names the model; after that only the chunk with the counts matters.
    if (so_far.model.empty()) return EventUse::read;
    if (has_text(event.data, R"("usage")")) return EventUse::read;
    if (has_text(event.data, R"("error")")) return EventUse::read;
    return EventUse::skip;
}

void read(const Document& document, Reading& reading) {
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    take_text(reading.service_tier, document.string(service_tier), limits::error_code_bytes_max);
    read_openai_usage(document.value(usage), reading);
    if (auto found = read_error(document, error, code)) reading.error = std::move(found);
}

void read_reasoning_apart(const Document& document, Reading& reading) {
    read(document, reading);
    reading.usage.output_includes_reasoning = false;
}

}  // namespace

const Shape openai_chat{"openai_chat", &paths, judge, read};
const Shape openai_chat_reasoning_apart{"openai_chat_reasoning_apart", &paths, judge,
                                        read_reasoning_apart};

}  // namespace halton::meter::shapes
