// A request as routes see it: the path cut into its parts and decoded, the query as values.
// In:    the head as sent. Out: values; of a name that comes twice the first counts.
// Fails: malformed for a target that is no path or has a broken percent-encoding. Pure.
// Limits: api_target_bytes_max, api_query_count_max.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace halton::api {

struct PathPart {
    std::string raw;  // as sent
    std::string decoded;
};

struct Request {
    std::string method;
    std::vector<PathPart> path;  // "/v1/stats" has two
    std::vector<std::pair<std::string, std::string>> query;
    std::string body;
    // What the pattern of the route stands for: the slug, the id.
    std::string name;
    // Where a reader of the live feed was, by its own word; empty: it begins.
    std::string last_event_id;

    // The value of a query's name; nothing when it is absent or empty.
    const std::string* find(std::string_view key) const;
};

// `%2F` to `/`; nothing for a broken encoding.
std::optional<std::string> decode_percent(std::string_view text, bool plus_is_blank = false);

Result<Request> parse_request(std::string_view method, std::string_view target);

// "2026-11-21" (UTC midnight) or a full time with Z. Nothing for anything else.
std::optional<UtcTime> parse_day_or_time(std::string_view text);
std::optional<UtcTime> parse_day(std::string_view text);
// "2026-11-21", UTC.
std::string to_day(UtcTime time);

}  // namespace halton::api
