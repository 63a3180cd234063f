// The process environment: the only place of the program that reads it.
// Values are copied out at once; nothing here changes the environment.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace halton::platform {

// Name -> value; sorted, so that what is built from it is stable.
using Environment = std::map<std::string, std::string, std::less<>>;

// Nothing when the variable is unset or empty: nobody sets an empty one to say something.
std::optional<std::string> read_variable(const char* name);

// All of it. Entries without '=' are left out.
Environment read_environment();

}  // namespace halton::platform
