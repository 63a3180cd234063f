#pragma once

#include <string_view>

namespace halton {

// "0.1.0"; set by the build.
std::string_view version();

}  // namespace halton
