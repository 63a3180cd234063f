// No bytes may crash the event reader, and the events must not depend on how the bytes are cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/sse.h"

using namespace halton::http;

namespace {

std::string events_of(std::string_view bytes, std::size_t piece_bytes) {
    SseReader reader;
    std::string text;
    const auto note = [&text](const SseEvent& event) {
        for (const auto part : {event.type, event.data, event.error})
            text += std::to_string(part.size()) + ':' + std::string(part) + ' ';
        text += '\n';
        if (event.type.find_first_of("\r\n") != std::string_view::npos) std::abort();
    };
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
        const std::string piece(bytes.substr(at, piece_bytes));
        reader.feed(piece, note);
    }
    reader.finish(note);
    if (reader.dropped_count() != 0) std::abort();
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string whole = events_of(bytes, size + 1);
    for (const std::size_t piece_bytes : {1, 2, 3, 11})
        if (events_of(bytes, piece_bytes) != whole) std::abort();
    return 0;
}
