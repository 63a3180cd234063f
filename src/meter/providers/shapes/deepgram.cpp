#include <cmath>

#include "base/limits.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t { duration, code, message };
constexpr JsonPaths paths{"metadata.duration", "err_code", "err_msg"};

EventUse judge(const http::SseEvent&, const Reading&) { return EventUse::skip; }

// Speech from text: sound, and the length of the text in the head.
void read_head(const http::HeaderList& headers, Reading& reading) {
    const std::string* characters = headers.find("dg-char-count");
    if (characters == nullptr) return;
    reading.usage.character_count = to_count(characters);
    reading.has_usage = true;
}

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

const Shape deepgram{"deepgram", &paths, judge, read, read_head, false, &refusals::deepgram};

}  // namespace halton::meter::shapes
