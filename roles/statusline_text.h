// One line for a status bar: the session's cost, today's spend, how full the subscriptions are.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/reports.h"
#include "store/usage.h"

namespace halton::roles {

// The session that Claude Code's status JSON names; nothing for any other text.
std::optional<std::string> read_status_session(std::string_view json);

struct StatusFacts {
    UtcTime now;
    bool has_database = true;
    std::optional<std::string> session_id;    // asked for
    std::optional<store::UsageSums> session;  // nothing: no call of it was metered
    std::optional<store::UsageSums> today;    // nothing: could not be read in time
    std::vector<store::PlanLimitRow> limits;
};

// At most `width` wide, if that is not 0: the last parts leave first. No newline.
std::string to_statusline(const StatusFacts& facts, int width);
std::string to_statusline_json(const StatusFacts& facts);

}  // namespace halton::roles
