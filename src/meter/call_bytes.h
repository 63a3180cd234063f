// A finished call as bytes and back, for the place where it waits to become a row.
// The form is for one machine and one version of the program: fields in their order, numbers as
// they lie in memory, texts behind their length. It begins with a number for the list of fields.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/call.h"

namespace halton::meter {

std::string to_bytes(const CallRecord& call);

// Errors: unsupported (another list of fields), malformed.
Result<CallRecord> parse_call_bytes(std::string_view bytes);

}  // namespace halton::meter
