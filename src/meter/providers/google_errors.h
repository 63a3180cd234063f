// The error table of Google's envelope: the public API, Code Assist and Vertex AI.
#pragma once

#include <array>

#include "meter/providers/provider.h"

namespace halton::meter {

inline constexpr std::array google_errors{
    ErrorRule{400, "INVALID_ARGUMENT", "API_KEY_INVALID", ErrorClass::auth, false},
    ErrorRule{400, "INVALID_ARGUMENT", "API key not valid", ErrorClass::auth, false},
    ErrorRule{400, "INVALID_ARGUMENT", "input token count", ErrorClass::context_length_exceeded,
              false},
    ErrorRule{400, "", "", ErrorClass::bad_request, false},
    ErrorRule{401, "", "", ErrorClass::auth, false},
    ErrorRule{402, "", "", ErrorClass::quota_exceeded, false},
    ErrorRule{403, "", "", ErrorClass::permission, false},
    ErrorRule{404, "", "", ErrorClass::bad_request, false},
    ErrorRule{409, "", "", ErrorClass::bad_request, false},
    ErrorRule{413, "", "", ErrorClass::bad_request, false},
    ErrorRule{429, "", "", ErrorClass::rate_limit, true},
    ErrorRule{499, "CANCELLED", "", ErrorClass::unknown, true},
    ErrorRule{500, "", "", ErrorClass::server_error, false},
    ErrorRule{502, "", "", ErrorClass::server_error, true},
    ErrorRule{503, "", "", ErrorClass::server_error, true},
    ErrorRule{504, "", "", ErrorClass::timeout, true},
    // Inside a 200 stream only the code speaks.
    ErrorRule{0, "RESOURCE_EXHAUSTED", "", ErrorClass::rate_limit, true},
    ErrorRule{0, "INVALID_ARGUMENT", "input token count", ErrorClass::context_length_exceeded,
              false},
    ErrorRule{0, "INVALID_ARGUMENT", "", ErrorClass::bad_request, false},
    ErrorRule{0, "FAILED_PRECONDITION", "", ErrorClass::bad_request, false},
    ErrorRule{0, "NOT_FOUND", "", ErrorClass::bad_request, false},
    ErrorRule{0, "UNAUTHENTICATED", "", ErrorClass::auth, false},
    ErrorRule{0, "PERMISSION_DENIED", "", ErrorClass::permission, false},
    ErrorRule{0, "CANCELLED", "", ErrorClass::unknown, true},
    ErrorRule{0, "INTERNAL", "", ErrorClass::server_error, false},
    ErrorRule{0, "UNAVAILABLE", "", ErrorClass::server_error, true},
    ErrorRule{0, "DEADLINE_EXCEEDED", "", ErrorClass::timeout, true},
};

}  // namespace halton::meter
