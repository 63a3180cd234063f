// Small ASCII text helpers that the standard library lacks. No locale, no allocation unless said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace halton {

// ASCII only; bytes above 127 are left alone.
char to_lower(char c);
std::string to_lower(std::string_view text);
bool is_equal_ignoring_case(std::string_view a, std::string_view b);

// Without spaces, tabs, CR and LF at both ends.
std::string_view trim(std::string_view text);

// The whole text as a decimal number without sign or spaces; nothing on overflow or other bytes.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// At most `bytes_max` bytes, cut at a UTF-8 boundary; what is no UTF-8 and control characters (C0, C1,
// line separators, those that turn the direction of text) replaced by '?': for text from the wire
// that goes into a row, a log line or a terminal.
std::string to_safe_text(std::string_view text, std::size_t bytes_max);

}  // namespace halton
