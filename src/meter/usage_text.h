// The calls inside a call as one short text of numbers, for a column: what pricing them anew needs.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meter/call.h"

namespace halton::meter {

// [{"model":"m","input":3,...},...]; empty for none. Counts of 0 are left out.
std::string to_usage_text(const std::vector<SubCall>& calls);

// Nothing for a text that is not one of these.
std::optional<std::vector<SubCall>> parse_usage_text(std::string_view text);

}  // namespace halton::meter
