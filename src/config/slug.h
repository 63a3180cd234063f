// Slug: the name of a project as it is written in files, variables and rows.
// Lower-case letters, digits, - _ : / ; the generated mac:, docker: and k8s: forms (bundle ids,
// host names) may hold dots as well. At most slug_bytes_max bytes. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace halton::config {

// Whether `c` may stand in every slug (the dot of the generated forms may not).
bool is_slug_character(char c);

// Whether `text` begins with mac:, docker: or k8s:.
bool is_generated_form(std::string_view text);

// Whether `text` is a slug as it stands, with at least one letter or digit.
bool is_slug(std::string_view text);

// A slug that somebody wrote: trimmed and lower-cased, then it must be one. Anything else is no
// answer, so that a typing error leads to the next tier and not to a wrong row.
std::optional<std::string> parse_slug(std::string_view text);

}  // namespace halton::config
