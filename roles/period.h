// The period that a verb speaks of, by the same flags everywhere: --since, --today, --from, --to,
// --utc. Days are those of this machine's time zone unless --utc is given.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "store/usage.h"

namespace cxxopts {
class Options;
class ParseResult;
}  // namespace cxxopts

namespace halton::roles {

struct Period {
    UtcTime from;
    UtcTime to;             // exclusive
    store::DayZone zone;    // of the days in it
    std::string zone_name;  // "CET", "UTC"
};

void add_period_flags(cxxopts::Options& options);

// `fallback` before now without a flag. Errors: malformed.
Result<Period> read_period(const cxxopts::ParseResult& flags, UtcTime now,
                           std::chrono::seconds fallback);

}  // namespace halton::roles
