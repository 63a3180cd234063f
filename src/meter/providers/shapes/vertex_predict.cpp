#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t { counts, error, code };
constexpr JsonPaths paths{"predictions[].embeddings.statistics.token_count+", "error", "code"};

EventUse judge(const http::SseEvent&, const Reading&) { return EventUse::read; }

void read(const Document& document, Reading& reading) {
    if (!document.text(counts).empty()) {
        reading.usage.input = sum_of(document.text(counts));
        reading.usage.input_includes_cache = true;
        reading.has_usage = true;
        reading.kind = RequestKind::embedding;
    }
    if (auto found = read_error(document, error, code)) reading.error = std::move(found);
}

}  // namespace

const Shape vertex_predict{"vertex_predict", &paths, judge, read, nullptr, false,
                           &refusals::google};

}  // namespace halton::meter::shapes
