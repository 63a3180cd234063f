// Limits of `dashboard`, the verb.
#pragma once

#include <chrono>

namespace halton::limits {

// Somebody waits for it; a daemon under load answers /health in milliseconds.
inline constexpr std::chrono::milliseconds dashboard_probe{2'000};

}  // namespace halton::limits
