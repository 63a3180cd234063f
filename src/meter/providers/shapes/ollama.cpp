#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t { model, prompt_eval_count, eval_count, done, error, code };
constexpr JsonPaths paths{"model", "prompt_eval_count", "eval_count", "done", "error", "code"};

EventUse judge(const http::SseEvent&, const Reading&) { return EventUse::read; }

void read(const Document& document, Reading& reading) {
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    // A prompt that was cached whole is not counted at all.
    if (!document.text(prompt_eval_count).empty() || !document.text(eval_count).empty()) {
        reading.usage.input = to_count(document.value(prompt_eval_count));
        reading.usage.output = to_count(document.value(eval_count));
        reading.usage.input_includes_cache = true;
        reading.has_usage = true;
    }
    if (document.text(done) == "true") reading.is_ended = true;
    if (auto found = read_error(document, error, code)) reading.error = std::move(found);
}

}  // namespace

const Shape ollama{"ollama", &paths, judge, read, nullptr, false, &refusals::plain};

}  // namespace halton::meter::shapes
