// What toml++ may be given. Its test for blanks has undefined behaviour for many characters beyond
// ASCII (its tree of ranges has leaves without a case), which a key with an umlaut is enough for.
// In:    config.toml. Out: the same document, line for line, in ASCII: such characters are escapes in
//        texts (so 'these' become "these") and nothing in comments.
// Fails: malformed, with the line: such a character outside of texts and comments, or behind a
//        backslash, where TOML has none; bytes that are no UTF-8. Other mistakes are left to
//        toml++.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace halton::config {

Result<std::string> to_safe_toml(std::string_view text);

}  // namespace halton::config
