// The secret that changes through the API need: a file in the home that only its owner can read.
// Whoever can read it could as well write the database; a web page can not.
#pragma once

#include <string>

#include "base/result.h"
#include "platform/home.h"

namespace halton::platform {

// 64 hex digits. Errors: not_found; permission (others may read the file), malformed, io.
Result<std::string> read_api_token(const Home& home);

// The same, or a new one where there is none, or none that can be relied on. Errors: permission,
// io.
Result<std::string> read_or_make_api_token(const Home& home);

}  // namespace halton::platform
