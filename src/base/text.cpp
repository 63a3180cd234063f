#include "base/text.h"

#include <algorithm>
#include <limits>

#include "base/utf8.h"

namespace halton {

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = to_lower(c);
    return out;
}

bool is_equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    return true;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
    if (text.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
        value = value * 10 + digit;
    }
    return value;
}

namespace {

// Bytes of the character that `text` begins with when a terminal or a page would act on it instead
// of showing it: C0 and C1 controls, and those that change the direction of text; and of what is no
// character. 0: it is shown.
std::size_t count_hidden_bytes(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    if (byte(0) < 0x20 || byte(0) == 0x7f) return 1;
    // No character: an old terminal takes it for a control, and UTF-8 columns refuse it.
    if (byte(0) >= 0x80 && utf8_bytes(text) == 0) return 1;
    if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) return 2;
    if (byte(0) != 0xe2) return 0;
    const bool is_mark = byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f ||
                                             (byte(2) >= 0xa8 && byte(2) <= 0xae));
    const bool is_isolate = byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
    return is_mark || is_isolate ? 3 : 0;
}

}  // namespace

std::string to_safe_text(std::string_view text, std::size_t bytes_max) {
    if (text.size() > bytes_max) {
        text = text.substr(0, bytes_max);
        // Drop a cut multi-byte character: continuation bytes, then its lead byte.
        std::size_t end = text.size();
        std::size_t back = 0;
        while (back < 3 && end > back && (text[end - 1 - back] & 0xc0) == 0x80) ++back;
        if (end > back && (text[end - 1 - back] & 0x80)) {
            const auto lead = static_cast<unsigned char>(text[end - 1 - back]);
            const std::size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
            if (need > back + 1) end -= back + 1;
        }
        text = text.substr(0, end);
    }
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t hidden = count_hidden_bytes(text);
        const std::size_t shown = hidden > 0 ? 0 : std::max<std::size_t>(utf8_bytes(text), 1);
        if (hidden > 0) out += '?';
        out += text.substr(0, shown);
        text.remove_prefix(hidden + shown);
    }
    return out;
}

}  // namespace halton
