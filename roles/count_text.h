// Numbers as people read them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace halton::roles {

// "1,234,567".
std::string with_separators(std::int64_t number);

// "1 request", "2,000 requests".
std::string counted(std::int64_t count, std::string_view one);

// At most four characters: "950", "1.2k", "34M".
std::string to_short_count(std::int64_t number);

}  // namespace halton::roles
