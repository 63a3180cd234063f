// The error table of Anthropic's envelope: its own host, and whoever else speaks its format.
#pragma once

#include <array>

#include "meter/providers/provider.h"

namespace halton::meter {

// A plain 500 is a hard fault (not retryable); 529 is overload, never the caller's rate.
inline constexpr std::array anthropic_errors{
    ErrorRule{529, "", "", ErrorClass::server_error, true},
    ErrorRule{429, "", "", ErrorClass::rate_limit, true},
    ErrorRule{400, "invalid_request_error", "prompt is too long",
              ErrorClass::context_length_exceeded, false},
    ErrorRule{400, "invalid_request_error", "exceed context limit",
              ErrorClass::context_length_exceeded, false},
    ErrorRule{400, "invalid_request_error", "credit balance is too low", ErrorClass::quota_exceeded,
              false},
    ErrorRule{400, "", "", ErrorClass::bad_request, false},
    ErrorRule{401, "", "", ErrorClass::auth, false},
    ErrorRule{402, "", "", ErrorClass::quota_exceeded, false},
    ErrorRule{403, "", "", ErrorClass::permission, false},
    ErrorRule{404, "", "", ErrorClass::bad_request, false},
    ErrorRule{409, "", "", ErrorClass::bad_request, false},
    ErrorRule{413, "", "", ErrorClass::bad_request, false},
    ErrorRule{422, "", "", ErrorClass::bad_request, false},
    ErrorRule{500, "", "", ErrorClass::server_error, false},
    ErrorRule{502, "", "", ErrorClass::server_error, true},
    ErrorRule{503, "", "", ErrorClass::server_error, true},
    ErrorRule{504, "", "", ErrorClass::timeout, true},
    // Inside a 200 stream only the code speaks.
    ErrorRule{0, "overloaded_error", "", ErrorClass::server_error, true},
    ErrorRule{0, "rate_limit_error", "", ErrorClass::rate_limit, true},
    ErrorRule{0, "invalid_request_error", "prompt is too long", ErrorClass::context_length_exceeded,
              false},
    ErrorRule{0, "invalid_request_error", "", ErrorClass::bad_request, false},
    ErrorRule{0, "authentication_error", "", ErrorClass::auth, false},
    ErrorRule{0, "billing_error", "", ErrorClass::quota_exceeded, false},
    ErrorRule{0, "permission_error", "", ErrorClass::permission, false},
    ErrorRule{0, "not_found_error", "", ErrorClass::bad_request, false},
    ErrorRule{0, "conflict_error", "", ErrorClass::bad_request, false},
    ErrorRule{0, "request_too_large", "", ErrorClass::bad_request, false},
    ErrorRule{0, "api_error", "", ErrorClass::server_error, false},
    ErrorRule{0, "timeout_error", "", ErrorClass::timeout, true},
};

}  // namespace halton::meter
