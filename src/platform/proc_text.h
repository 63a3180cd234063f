// Texts of the kernel (/proc): lines of fields.
#pragma once

#include <string_view>

namespace halton::platform {

// The field number `index` (from 0) of a line whose fields are separated by runs of blanks; empty
// when there are not so many.
std::string_view field_of(std::string_view line, int index);

}  // namespace halton::platform
