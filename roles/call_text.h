// One call as a line: for `tail` and `top`, and as JSON for programs. Pure.
#pragma once

#include <string>
#include <string_view>

#include "store/landed.h"
#include "store/usage.h"

namespace halton::roles {

// Fitted to a terminal: columns leave where it gets narrow (0: as wide as it needs).
std::string to_call_line(const store::LandedCall& call, const store::DayZone& zone, int width);
// What stands above such lines.
std::string call_line_heading(int width);

// One object, one line, with its newline.
std::string to_call_json(const store::LandedCall& call);

// "$0.0123", "plan", "unknown".
std::string to_call_cost(const store::LandedCall& call);

// "950 ms", "1.2 s", "3 min 20 s".
std::string to_duration_text(double ms);

}  // namespace halton::roles
