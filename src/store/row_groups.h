// Sums over the rows themselves, by what roll-ups do not know: sessions, branches, errors; and
// latencies, which cannot be added up.
// In:    a Reader and a period. Out: exact sums, as usage.h has them.
// Fails: as Reader. Takes as long as the period has rows: some 2 s for a million.
// Thread: that of the Reader. Limits: row_groups_max.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/usage.h"

namespace halton::store {

struct RowQuery {
    UtcTime from;
    UtcTime to;                          // exclusive
    std::optional<std::string> project;  // slug
};

enum class RowGroup {
    session,  // name: its id; detail: the tool. Calls without one are left out
    branch,   // name: the branch, empty for none; detail: the project
    error,    // name: the class, or the status of an unclassed one; detail: the provider's code
};

struct RowGroupSums {
    std::string name;
    std::string detail;
    UsageSums sums;
    std::string last_at;  // as rows have it
};

// Cost descending, then count, then names; errors by count.
Result<std::vector<RowGroupSums>> read_row_groups(Reader& reader, const RowQuery& query,
                                                  RowGroup group);

struct Latency {
    double avg_ms = 0;
    double p95_ms = 0;  // nearest rank
};
struct Latencies {
    std::optional<Latency> total;
    std::map<std::string, Latency, std::less<>> by_project;           // slug
    std::map<std::pair<std::string, std::string>, Latency> by_model;  // model, provider
};
Result<Latencies> read_latencies(Reader& reader, const RowQuery& query);

}  // namespace halton::store
