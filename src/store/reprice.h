// Prices rows anew from the counts that they keep: a look at what would change, or the change
// itself. Writes beside the daemon's writer, in transactions of its own that take milliseconds;
// each row is changed only if it still has the price that was read. Counts are never changed.
// Blocking. Thread: any; each call has its own connection.
// Limits: reprice_rows_per_transaction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"

namespace halton::meter {
class PriceBook;
}

namespace halton::store {

struct RepriceQuery {
    UtcTime from;
    UtcTime to;               // exclusive
    bool is_applied = false;  // false: only look
};

struct RepriceGroup {
    std::string provider;
    std::string model;
    std::int64_t changed_rows = 0;
    NanoUsd before;  // of the changed rows; no cost counts 0
    NanoUsd after;
};

struct RepriceResult {
    std::int64_t rows = 0;     // looked at
    std::int64_t changed = 0;  // in cost, or in how sure it is
    std::int64_t unchanged = 0;
    std::int64_t kept = 0;       // have a cost and would have none today: left as they are
    std::int64_t too_old = 0;    // from before rows kept what a price needs: left as they are
    std::int64_t overtaken = 0;  // changed by somebody else meanwhile: left as they are
    NanoUsd before;              // of all changed rows
    NanoUsd after;
    std::vector<RepriceGroup> groups;  // of changed rows, largest difference first
};

// Errors: not_found (no database), unsupported (its schema is older: start the daemon once),
// busy (somebody holds the lock for seconds), io. What was committed before an error stays.
Result<RepriceResult> reprice(const std::filesystem::path& database, const RepriceQuery& query,
                              const meter::PriceBook& prices);

}  // namespace halton::store
