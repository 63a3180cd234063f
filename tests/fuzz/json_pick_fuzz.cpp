// No bytes may crash the picker, what it picks must not depend on how they are cut, and what a
// full parser takes for an object must be a whole document here too.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/json_pick.h"

using namespace halton;

namespace {

constexpr JsonPaths paths{"model", "usage", "error.code", "a[].b", "a[].c.d"};

std::string picks_of(std::string_view bytes, std::size_t piece_bytes) {
    JsonPick pick(paths);
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
        const std::string piece(bytes.substr(at, piece_bytes));
        std::string_view rest = piece;
        while (!rest.empty()) {
            const std::size_t count = pick.feed(rest);
            // Progress: bytes, or a document that the bytes before had not quite ended.
            if ((count == 0 && !pick.has_document()) || count > rest.size()) std::abort();
            rest.remove_prefix(count);
            if (!pick.has_document()) continue;
            for (std::size_t i = 0; i < paths.count(); ++i) {
                text += std::string(pick.text(i)) + '|';
            }
            text += '\n';
        }
    }
    text += std::to_string(static_cast<int>(pick.state()));
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string whole = picks_of(bytes, size + 1);
    for (const std::size_t piece_bytes : {1, 2, 3, 11}) {
        if (picks_of(bytes, piece_bytes) != whole) std::abort();
    }
    JsonParser parser;
    const auto parsed = parser.parse(bytes);
    const bool is_shallow = std::count_if(bytes.begin(), bytes.end(), [](char c) {
                                return c == '{' || c == '[';
                            }) < static_cast<std::ptrdiff_t>(limits::json_depth_max) - 1;
    if (parsed && parsed->is_object() && is_shallow && bytes.size() < limits::json_pick_bytes_max) {
        const std::string complete = std::to_string(static_cast<int>(JsonPick::State::complete));
        if (!whole.ends_with('\n' + complete)) std::abort();
    }
    return 0;
}
