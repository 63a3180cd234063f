// No text may crash the redactor; what it leaves is a part of what it got, in the same order, with
// marks between; and a key that is planted in it, with or without escapes, in one piece or in the
// pieces of a stream, is gone from it whatever stands around and wherever it ends.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "meter/redaction.h"

using namespace halton::meter;

namespace {

// Whether `out` without its marks can be made of `text` by taking bytes away.
bool is_made_of(std::string_view out, std::string_view text) {
    constexpr std::string_view mark = "[REDACTED:";
    std::size_t at = 0;
    while (!out.empty()) {
        if (out.starts_with(mark)) {
            const std::size_t end = out.find(']');
            if (end == std::string_view::npos) return false;
            out.remove_prefix(end + 1);
            continue;
        }
        at = text.find(out.front(), at);
        if (at == std::string_view::npos) return false;
        ++at;
        out.remove_prefix(1);
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const bool is_stream = (data[0] & 1) != 0;
    const std::size_t keep = data[1] * std::size_t{7};
    const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);

    const auto done = redact(text, std::string_view::npos, is_stream);
    const bool holds_mark = text.find("[REDACTED:") != std::string_view::npos;
    if (done && !holds_mark && !is_made_of(done->text, text)) std::abort();
    const auto cut = redact(text, keep, is_stream);
    if (cut && done && cut->text.size() > done->text.size() + 64) std::abort();

    // Between spaces, so that nothing before it makes another word of it.
    const std::string key =
        "sk-"
        "ant-"
        "Qx7Zw9Vb3Nm5Kj1Lp2";
    const std::size_t half = text.size() / 2;
    std::string planted(text.substr(0, half));
    planted += ' ' + key + ' ';
    planted += text.substr(half);
    for (const std::size_t kept : {planted.size(), half + 12, half + 1}) {
        const auto out = redact(planted, kept, is_stream);
        if (out && out->text.find("Qx7Zw9") != std::string::npos) std::abort();
    }
    std::string pieces = "\ndata: {\"text\":\"" + key.substr(0, 3 + data[0] % 20) + "\"}\n" +
                         "data: {\"text\":\"" + key.substr(3 + data[0] % 20) + " \"}\n";
    pieces += text;
    const auto out = redact(pieces, pieces.size(), true);
    const std::string rest = "{\"text\":\"" + key.substr(3 + data[0] % 20) + " \"}\n";
    if (out && text.find(rest) == std::string_view::npos &&
        out->text.find(rest) != std::string::npos)
        std::abort();
    return 0;
}
