#include "base/limits.h"
#include "meter/providers/shapes/anthropic_usage.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t { type, model, usage, message_model, message_usage, error, code };
constexpr JsonPaths paths{"type",  "model", "usage", "message.model", "message.usage",
                          "error", "code"};

EventUse judge(const http::SseEvent& event, const Reading&) {
    const std::string_view name = event.type;
    if (name == "content_block_delta" || name == "ping" || name == "content_block_start" ||
        name == "content_block_stop") {
        return EventUse::skip;
    }
    // An answer that lost its "event:" lines still says its type first in the data.
    if (name.empty() && event.data.starts_with(R"({"type":"content_block)")) return EventUse::skip;
    return EventUse::read;
}

void read(const Document& document, Reading& reading) {
    const std::string kind(document.string(type));
    take_text(reading.model, document.string(message_model), limits::model_bytes_max);
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    read_anthropic_usage(document.value(message_usage), reading);
    read_anthropic_usage(document.value(usage), reading);
    if (kind == "message_stop") reading.is_ended = true;
    if (auto found = read_error(document, error, code)) reading.error = std::move(found);
}

}  // namespace

const Shape anthropic_messages{"anthropic_messages", &paths, judge, read, nullptr, false,
                               &refusals::anthropic};

}  // namespace halton::meter::shapes
