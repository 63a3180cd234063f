// UTF-8 (RFC 3629): what is a character and what is none. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace halton {

// Bytes of the character that `text` begins with, 1 to 4; 0 where it begins with none: a stray or
// missing continuation byte, an overlong form, a surrogate, beyond U+10FFFF, nothing at all.
std::size_t utf8_bytes(std::string_view text);

}  // namespace halton
