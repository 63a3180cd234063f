// No bytes may crash the content decoder or make it grow without bound, and a body that decodes
// must decode to the same however it is cut. The first line is the coding list, the rest the body.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "http/content_decode.h"

using namespace halton;
using namespace halton::http;

namespace {

struct Outcome {
    std::string text;
    bool is_good = true;
    bool is_finished = false;
    bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view codings, std::string_view body, std::size_t piece_bytes) {
    ContentDecoder decoder(codings);
    Outcome outcome;
    for (std::size_t at = 0; at < body.size(); at += piece_bytes) {
        const std::string piece(body.substr(at, piece_bytes));
        if (!decoder.feed(piece, outcome.text)) outcome.is_good = false;
    }
    outcome.is_finished = decoder.is_finished();
    if (!outcome.is_good && outcome.is_finished) std::abort();
    const auto bound = 2 * 1024 * 1024 + body.size() * limits::decoded_ratio_max;
    if (outcome.text.size() > bound) std::abort();
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto line_end = std::min(bytes.find('\n'), bytes.size());
    const auto codings = bytes.substr(0, line_end);
    const auto body = bytes.substr(std::min(line_end + 1, bytes.size()));
    const Outcome whole = decode(codings, body, size + 1);
    // Where a bomb is noticed depends on the cut, so only what stays small is compared.
    if (!whole.is_good || whole.text.size() > 512 * 1024) return 0;
    for (const std::size_t piece_bytes : {1, 7, 100})
        if (decode(codings, body, piece_bytes) != whole) std::abort();
    return 0;
}
