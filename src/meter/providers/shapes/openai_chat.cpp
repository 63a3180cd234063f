#include "base/limits.h"
#include "meter/providers/shapes/openai_usage.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t {
    model,
    usage,
    service_tier,
    error,
    code,
    object,
    type,
    message,
    detail,
    groq_usage,
    choice_usage,
};
constexpr JsonPaths paths{"model",  "usage",        "service_tier",   "error",
                          "code",   "object",       "type",           "message",
                          "detail", "x_groq.usage", "choices[].usage"};

EventUse judge(const http::SseEvent& event, const Reading& so_far) {
    if (event.data == "[DONE]") return EventUse::end_mark;
    // The first chunk names the model; after that only the chunk with the counts matters.
    if (so_far.model.empty()) return EventUse::read;
    if (has_text(event.data, R"("usage")")) return EventUse::read;
    if (has_text(event.data, R"("error")")) return EventUse::read;
    return EventUse::skip;
}

// Errors without an envelope: Mistral's fields, and the one sentence of some frameworks.
void read_flat_error(const Document& document, Reading& reading) {
    const bool is_error = document.string(object) == "error";
    std::string text(document.string(message));
    if (text.empty()) text = document.string(detail);
    if (text.empty() && !is_error) return;
    ProviderError& flat = is_error ? reading.error.emplace() : refusal_of(reading);
    flat.message = std::move(text);
    flat.type = document.string(type);
    flat.code = document.string(code);
    if (flat.code.empty()) flat.code = flat.type;
}

void read(const Document& document, Reading& reading) {
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    take_text(reading.service_tier, document.string(service_tier), limits::error_code_bytes_max);
    // Groq and Moonshot once counted elsewhere in streams; where both are, the plain one counts.
    read_openai_usage(document.value(choice_usage), reading);
    read_openai_usage(document.value(groq_usage), reading);
    read_openai_usage(document.value(usage), reading);
    if (auto found = read_error(document, error, code))
        reading.error = std::move(found);
    else
        read_flat_error(document, reading);
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
