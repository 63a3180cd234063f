#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t { error, error_type, finish_reason, generated_tokens };
constexpr JsonPaths paths{"error", "error_type", "details.finish_reason",
                          "details.generated_tokens"};

EventUse judge(const http::SseEvent& event, const Reading&) {
    // Only the last token's event has details.
    return has_text(event.data, R"("finish_reason")") || has_text(event.data, R"("error")")
               ? EventUse::read
               : EventUse::skip;
}

void read_head(const http::HeaderList& headers, Reading& reading) {
    const std::string* input = headers.find("x-prompt-tokens");
    const std::string* output = headers.find("x-generated-tokens");
    if (input == nullptr && output == nullptr) return;
    reading.usage.input = to_count(input);
    reading.usage.output = to_count(output);
    reading.usage.input_includes_cache = true;
    reading.has_usage = true;
}

void read(const Document& document, Reading& reading) {
    const bool has_details = !document.text(finish_reason).empty();
    if (!reading.is_streamed || has_details) reading.is_ended = true;
    if (!reading.has_usage && !document.text(generated_tokens).empty()) {
        // The prompt is counted in the head only.
        reading.usage.output = to_count(document.value(generated_tokens));
        reading.has_unpriced_part = true;
    }
    if (auto found = read_error(document, error, error_type)) reading.error = std::move(found);
}

}  // namespace

const Shape tgi{"tgi", &paths, judge, read, read_head, true, &refusals::plain};

}  // namespace halton::meter::shapes
