#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t { id, model, status, error, code, metrics, detail };
constexpr JsonPaths paths{"id", "model", "status", "error", "code", "metrics", "detail"};

EventUse judge(const http::SseEvent&, const Reading&) { return EventUse::skip; }

void read(const Document& document, Reading& reading) {
    take_text(reading.response_id, document.string(id), limits::request_id_bytes_max);
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    const std::string state(document.string(status));
    if (state == "starting" || state == "processing") reading.is_background = true;
    // Language models count tokens; all models are timed, which has a price that no row here has.
    if (const JsonView value = document.value(metrics); value.is_object()) {
        const JsonView input = value["input_token_count"];
        const JsonView output = value["output_token_count"];
        reading.usage.input = to_count(input);
        reading.usage.output = to_count(output);
        reading.usage.input_includes_cache = true;
        reading.has_usage = value["predict_time"].is_present() || output.is_present();
        if (!input.is_present() && !output.is_present()) reading.has_unpriced_part = true;
    }
    if (auto found = read_error(document, error, code)) reading.error = std::move(found);
    if (const auto text = document.string(detail); !text.empty()) {
        refusal_of(reading).message = text;
    }
}

}  // namespace

const Shape replicate{"replicate", &paths, judge, read, nullptr, false, &refusals::problem};

}  // namespace halton::meter::shapes
