// A row of `requests` as the call that it was, as far as its price goes: for pricing it anew and
// for explaining it.
// Fails: read_stored_call() with SQLite::Exception, which stays inside store/; the others as
// Reader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "meter/call.h"
#include "store/reader.h"

namespace SQLite {
class Statement;
}

namespace halton::store {

struct StoredCall {
    std::int64_t rowid = 0;
    std::string requested_at;
    // What charge() looks at; its cost is empty.
    meter::CallRecord call;
    // What the row says of its price.
    std::optional<std::int64_t> cost;
    std::string cost_state;
    std::string price_id;
    // False: written before rows kept what a price needs.
    bool has_numbers = false;
};

// The columns that read_stored_call() takes, from the first one on. They are there since schema 3.
extern const char* const stored_call_columns;
StoredCall read_stored_call(SQLite::Statement& statement);

// One call with all that an explanation tells. `row.call` has id, project, status, sources too.
struct FoundCalls {
    std::vector<StoredCall> calls;  // newest first, at most `count_max`
    bool has_more = false;
};

// Calls whose id begins with `prefix`; else the newest whose provider gave it such an id; the
// newest of all for "last". Errors: as Reader; unsupported (an older schema).
Result<FoundCalls> find_stored_calls(Reader& reader, const std::string& prefix,
                                     std::size_t count_max);

}  // namespace halton::store
