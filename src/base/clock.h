// Time, in two kinds that never mix: steady for durations and limits, UTC for stamps.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace halton {

using SteadyTime = std::chrono::steady_clock::time_point;
using UtcTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

// Port: the only source of time for code that is tested. One real clock, one fake in the tests.
class Clock {
public:
    virtual ~Clock() = default;
    virtual UtcTime now_utc() const = 0;
    virtual SteadyTime now_steady() const = 0;
};

// The machine's clocks.
const Clock& system_clock();

// "2026-11-21T01:02:03.456789Z": always UTC, always six digits, so that text order is time order.
std::string to_iso8601(UtcTime time);

// Reads what to_iso8601 writes, and the same with 0 to 9 fraction digits. Errors: malformed.
Result<UtcTime> parse_iso8601(std::string_view text);

}  // namespace halton
