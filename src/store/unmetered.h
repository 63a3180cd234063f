// What was not metered, and why: counts of connections by day, reason, program and provider host,
// gathered in memory between two writes to the table `unmetered`.
// In:    one connection each. Out: rows to add to those of the table.
// Privacy: a host is kept only where it is one of the providers'; of all other traffic the reason
//        alone is counted. No path, no query, no address.
// Fails: never. Limits: unmetered_kinds_max a day; more are counted without program and host.
// Pure; the owner's lock guards it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace halton::store {

struct UnmeteredRow {
    std::string day;  // "2026-11-21", UTC
    std::string reason;
    std::string program;  // empty: not known, or none of our business
    std::string host;     // of a provider, or empty
    std::int64_t count = 0;
    UtcTime first_at{};
    UtcTime last_at{};
};

class UnmeteredCounts {
public:
    void add(std::string_view reason, std::string_view program, std::string_view host, UtcTime now);

    bool is_empty() const { return counts_.empty(); }
    // All of them; empty afterwards.
    std::vector<UnmeteredRow> take();
    // They could not be written: counted again.
    void put_back(const std::vector<UnmeteredRow>& rows);

private:
    struct Kind {
        std::string day;
        std::string reason;
        std::string program;
        std::string host;
        auto operator<=>(const Kind&) const = default;
    };
    struct Count {
        std::int64_t count = 0;
        UtcTime first_at{};
        UtcTime last_at{};
    };
    void add(Kind kind, const Count& more);

    std::map<Kind, Count> counts_;
    std::set<Kind> kinds_of_today_;
};

}  // namespace halton::store
