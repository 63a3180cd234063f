// What `dashboard` decides and says. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/environment.h"

namespace halton::roles {

std::string to_dashboard_url(std::uint16_t api_port);

// The command that opens a page in this session's browser; empty where there is no desktop to show
// it on. `has_program` says whether there is one of that name.
std::vector<std::string> choose_opener(const platform::Environment& environment,
                                       const std::function<bool(std::string_view)>& has_program);

}  // namespace halton::roles
