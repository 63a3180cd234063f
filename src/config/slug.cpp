#include "config/slug.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace halton::config {
namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

bool is_slug_character(char c) {
    return is_alphanumeric(c) || c == '-' || c == '_' || c == ':' || c == '/';
}

bool is_generated_form(std::string_view text) {
    for (const std::string_view form : {"mac:", "docker:", "k8s:"})
        if (text.substr(0, form.size()) == form) return true;
    return false;
}

bool is_slug(std::string_view text) {
    if (text.empty() || text.size() > limits::slug_bytes_max) return false;
    const bool has_dots = is_generated_form(text);
    bool has_name = false;
    for (const char c : text) {
        has_name = has_name || is_alphanumeric(c);
        if (!is_slug_character(c) && !(c == '.' && has_dots)) return false;
    }
    return has_name;
}

std::optional<std::string> parse_slug(std::string_view text) {
    auto slug = to_lower(trim(text));
    if (!is_slug(slug)) return std::nullopt;
    return slug;
}

}  // namespace halton::config
