#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

// `message` is a text in refusals and an object in answers, of which nothing is wanted; its part
// is only named so that the rest is not kept.
enum Pick : std::size_t {
    type,
    event_type,
    usage,
    meta,
    delta_usage,
    response_meta,
    delta_error,
    message,
    message_role,
    error_type,
};
constexpr JsonPaths paths{"type",          "event_type",  "usage",   "meta",         "delta.usage",
                          "response.meta", "delta.error", "message", "message.role", "error_type"};

EventUse judge(const http::SseEvent& event, const Reading&) {
    return event.type == "message-end" || event.type == "error" || event.type.empty()
               ? EventUse::read
               : EventUse::skip;
}

// Billed units are what is charged; the plain counts include what Cohere adds for itself, and the
// cached ones among them.
void read_usage(JsonView value, Reading& reading) {
    const JsonView billed = value["billed_units"];
    const JsonView counted =
        billed["input_tokens"].is_present() || billed["output_tokens"].is_present()
            ? billed
            : value["tokens"];
    // Rerank is charged by the search, of up to a hundred documents.
    const JsonView searches = billed["search_units"];
    if (!counted.is_object() && !searches.is_present()) return;
    TokenUsage counts;
    counts.query_count = to_count(searches);
    counts.input = to_count(counted["input_tokens"]);
    counts.output = to_count(counted["output_tokens"]);
    counts.image_input = to_count(counted["image_tokens"]);
    reading.sub_calls.assign(1, SubCall{{}, counts});
    counts.cache_read = to_count(value["cached_tokens"]);
    if (counts.cache_read == 0) reading.sub_calls.clear();
    reading.usage = counts;
    reading.has_usage = true;
}

void read(const Document& document, Reading& reading) {
    for (const Pick pick : {usage, meta, delta_usage, response_meta}) {
        read_usage(document.value(pick), reading);
    }
    if (document.string(type) == "message-end") reading.is_ended = true;
    if (document.string(event_type) == "stream-end") reading.is_ended = true;
    if (const auto text = document.string(delta_error); !text.empty()) {
        reading.error.emplace().message = text;
    }
    if (const auto text = document.string(message); !text.empty()) {
        ProviderError& refusal = refusal_of(reading);
        refusal.message = text;
        refusal.code = document.string(error_type);
    }
}

}  // namespace

const Shape cohere{"cohere", &paths, judge, read, nullptr, false, &refusals::cohere};

}  // namespace halton::meter::shapes
