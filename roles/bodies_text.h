// The texts of `bodies`: what was captured, one body, and what became of the others. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/bodies.h"

namespace halton::roles {

// What the daemon that runs says of its captures.
struct LiveBodies {
    std::int64_t memory_bytes = 0;
    std::int64_t waiting = 0;
    std::int64_t refused = 0;  // for want of memory
    std::int64_t dropped = 0;
};

struct BodySettings {
    bool captures = false;  // where nobody else says
    std::int64_t retention_days = 0;
    std::int64_t size_limit_mib = 0;
};

std::string to_body_stats_text(const store::BodyStats& stats, const BodySettings& settings,
                               const std::optional<LiveBodies>& live);
std::string to_body_stats_json(const store::BodyStats& stats, const BodySettings& settings,
                               const std::optional<LiveBodies>& live);

std::string to_body_list_text(const std::vector<store::BodyEntry>& entries, int width);
std::string to_body_list_json(const std::vector<store::BodyEntry>& entries);

// Both sides under a head each.
std::string to_body_text(const store::BodyRow& row);
std::string to_body_json(const store::BodyRow& row);

// A captured text as a terminal may see it: lines and tabs as they are, whatever else steers a
// terminal or turns the direction of text as \xNN or \u{N}, and so what is no UTF-8.
std::string to_harmless_text(std::string_view text);

}  // namespace halton::roles
