// Rows of the store and values of the daemon as JSON: the shapes of schema.cpp, written once. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/facts.h"
#include "base/json_writer.h"
#include "meter/call.h"
#include "store/requests.h"
#include "store/usage.h"

namespace halton::api {

// Without blanks: nobody reads it as it is.
JsonWriter begin_json();

// daemon_routes.cpp
void write_unseen(JsonWriter& json, const DaemonFacts& facts);
void write_refusing_clients(JsonWriter& json, const DaemonFacts& facts);

JsonWriter& text_or_null(JsonWriter& json, std::string_view key, std::string_view value);
JsonWriter& time_or_null(JsonWriter& json, std::string_view key, std::optional<UtcTime> value);

// The fields of Sums, in the object that is open.
void write_sums(JsonWriter& json, const store::UsageSums& sums);

// The fields of Request, in the object that is open.
void write_call(JsonWriter& json, const store::RequestRow& row);
// A call that has just ended, as the row that it becomes.
store::RequestRow to_row(const meter::CallRecord& call);
// The same as an object of JSON.
std::string to_call_json(const meter::CallRecord& call);

// Parts in millicents that come to exactly the whole's: each rounded down, and what is missing to
// those that lost most.
std::vector<std::int64_t> apportion_millicents(const std::vector<NanoUsd>& parts);

}  // namespace halton::api
