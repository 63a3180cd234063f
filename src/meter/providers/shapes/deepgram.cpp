#include <cmath>

#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t { duration, code, message };
constexpr JsonPaths paths{"metadata.duration", "err_code", "err_msg"};

EventUse judge(const http::SseEvent&, const Reading&) { return EventUse::skip; }

void read(const Document& document, Reading& reading) {
    const auto seconds = document.value(duration).as_number();
    // A year of speech is none.
    if (seconds && *seconds > 0 && *seconds < 3e7) {
        reading.usage.audio_input_ms = std::llround(*seconds * 1000);
        reading.has_usage = true;
    }
    if (!document.string(code).empty()) {
        refusal_of(reading).code = document.string(code);
        refusal_of(reading).message = document.string(message);
    }
}

}  // namespace

const Shape deepgram{"deepgram", &paths, judge, read};

}  // namespace halton::meter::shapes
