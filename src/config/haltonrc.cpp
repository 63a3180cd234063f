#include "config/haltonrc.h"

#include "base/limits.h"
#include "base/text.h"
#include "config/slug.h"

namespace halton::config {
namespace {

// The value of a line: what stands between the quotes, or the bare word before a comment.
// Nothing when a quote is not closed or something other than a comment follows it.
std::optional<std::string_view> parse_value(std::string_view text) {
    text = trim(text);
    if (text.empty() || text.front() != '"') return trim(text.substr(0, text.find('#')));
    const auto end = text.find('"', 1);
    if (end == std::string_view::npos) return std::nullopt;
    const auto rest = trim(text.substr(end + 1));
    if (!rest.empty() && rest.front() != '#') return std::nullopt;
    return text.substr(1, end - 1);
}

}  // namespace

Haltonrc parse_haltonrc(std::string_view text) {
    Haltonrc rc;
    if (text.size() > limits::haltonrc_bytes_max) return rc;
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.substr(0, byte_order_mark.size()) == byte_order_mark)
        text.remove_prefix(byte_order_mark.size());
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = trim(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);

        const auto equals = line.find('=');
        if (line.empty() || line.front() == '#' || equals == std::string_view::npos) continue;
        const auto key = trim(line.substr(0, equals));
        const auto value = parse_value(line.substr(equals + 1));
        if (!value) continue;
        if (key == "project") {
            // A later usable line wins over an earlier one, as in every key = value file.
            if (auto slug = parse_slug(*value)) rc.project = std::move(slug);
        } else if (key == "body_capture") {
            if (is_equal_ignoring_case(*value, "on")) rc.body_capture = true;
            if (is_equal_ignoring_case(*value, "off")) rc.body_capture = false;
        }
    }
    return rc;
}

}  // namespace halton::config
