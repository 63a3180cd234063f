// Script: answers by name, read from JSON lines (the form is in the help text of options.cpp).
// Fails: with the file, line and reason in `problem`. Read once at start, then constant.
#pragma once

#include <map>
#include <string>

#include "support/provider/answer.h"

namespace provider {

using Script = std::map<std::string, Content, std::less<>>;

bool read_script(const std::string& file, Script& script, std::string& problem);

}  // namespace provider
