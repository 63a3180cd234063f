// Processes of this user that run now, for `doctor`: what program, the first words of its command
// line, and of those that are wanted the few environment variables that are named. Nothing else of
// an environment is kept for longer than the look.
// In:    whose environment is wanted, names of variables. Out: processes, youngest first.
// Fails: never: what is gone or forbidden is left out. Blocking.
// Limits: process_count_max, process_arguments_bytes_max, environ_bytes_max, process_look_time.
// One body per system.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "setup/tools.h"

namespace halton::platform {

std::vector<setup::ProcessFact> list_own_processes(
    const std::function<bool(const setup::ProcessFact&)>& is_wanted,
    std::span<const std::string_view> variable_names);

}  // namespace halton::platform
