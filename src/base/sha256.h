// SHA-256 as text, for facts that must be comparable without being readable.
#pragma once

#include <string>
#include <string_view>

namespace halton {

// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace halton
