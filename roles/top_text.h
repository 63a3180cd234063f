// The screen of `top`, as lines that fit it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/landed.h"
#include "store/reports.h"
#include "store/usage.h"

namespace halton::roles {

struct TopFacts {
    UtcTime now;
    store::DayZone zone;
    std::string zone_name;
    bool has_daemon = false;                // it answers
    std::optional<std::int64_t> running;    // calls that run, if it tells
    std::optional<store::UsageSums> today;  // nothing: no database yet, or it cannot be read
    std::vector<store::UsageRow> projects;  // today's, by project
    std::vector<store::PlanLimitRow> limits;
    std::vector<store::LandedCall> calls;  // oldest first
    std::string trouble;                   // in reading; empty: none
};

struct TopScreen {
    std::vector<std::string> lines;
    std::size_t scroll = 0;     // as far as there is something to scroll to
    std::size_t page_rows = 1;  // calls on one screen
};

// `scroll`: how many of the newest calls are left out.
TopScreen to_top_screen(const TopFacts& facts, int columns, int rows, std::size_t scroll);

// The running calls that /v1/daemon/status tells.
std::optional<std::int64_t> read_running_calls(std::string_view json);

}  // namespace halton::roles
