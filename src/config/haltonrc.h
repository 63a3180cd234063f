// .haltonrc text <-> values: one `key = value` a line, '#' begins a comment, texts in double
// quotes (bare ones are accepted), switches bare: on or off.
// Out:   what the file says; unknown keys and lines that make no sense are ignored.
// Fails: never. A project that is no slug counts as not said.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace halton::config {

struct Haltonrc {
    std::optional<std::string> project;  // a valid slug
    std::optional<bool> body_capture;
};

Haltonrc parse_haltonrc(std::string_view text);

}  // namespace halton::config
