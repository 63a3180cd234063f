#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t {
    model,
    input,
    output,
    stop_reason,
    embedding_input,
    error_code,
    error_message,
};
constexpr JsonPaths paths{"model_id",
                          "results[].input_token_count+",
                          "results[].generated_token_count+",
                          "results[].stop_reason",
                          "input_token_count",
                          "errors[].code",
                          "errors[].message"};

EventUse judge(const http::SseEvent&, const Reading&) { return EventUse::read; }

void read(const Document& document, Reading& reading) {
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    const auto take = [&](Pick pick, std::int64_t& count) {
        if (document.text(pick).empty()) return;
        count = sum_of(document.text(pick));
        reading.usage.input_includes_cache = true;
        reading.has_usage = true;
    };
    // The events of a stream repeat the counts so far.
    take(input, reading.usage.input);
    take(output, reading.usage.output);
    take(embedding_input, reading.usage.input);
    const auto reason = document.string(stop_reason);
    if (!reason.empty() && reason != "not_finished") reading.is_ended = true;
    if (!document.string(error_code).empty()) {
        ProviderError& error = reading.error.emplace();
        error.code = document.string(error_code);
        error.message = document.string(error_message);
    }
}

}  // namespace

const Shape watsonx{"watsonx", &paths, judge, read, nullptr, false, &refusals::watsonx};

}  // namespace halton::meter::shapes
