// Finds secrets in a text: keys and tokens by their form, passwords and the like by the name before
// them, credentials in URLs and heads, private keys.
// In:    plain text (of JSON: without its escapes, see redaction.h).
// Out:   where they are, in order, not overlapping.
// Fails: never. Pure. Time: linear in the text, whatever it holds.
// A secret that runs into the end of the text counts however short it is, for its rest may be cut.
// What has neither form nor name (a bare password in a sentence) cannot be told from other words.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/function_ref.h"

namespace halton::meter {

struct Secret {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string_view kind;  // "anthropic-key"; lives for ever
    bool operator==(const Secret&) const = default;
};

// `quote_depth`: how many backslashes stood before the quote at a place, so that a quote inside of
// a value does not end it.
std::vector<Secret> find_secrets(std::string_view text, FunctionRef<int(std::size_t)> quote_depth);
std::vector<Secret> find_secrets(std::string_view text);

}  // namespace halton::meter
