// The error table of OpenAI's envelope: both OpenAI hosts and the APIs made after it.
#pragma once

#include <array>

#include "meter/providers/provider.h"

namespace halton::meter {

// `code` matches error.code and error.type alike, as insufficient_quota may stand in either.
inline constexpr std::array openai_errors{
    ErrorRule{429, "insufficient_quota", "", ErrorClass::quota_exceeded, false},
    ErrorRule{429, "credit_balance_exhausted", "", ErrorClass::quota_exceeded, false},
    ErrorRule{429, "billing_hard_limit_reached", "", ErrorClass::quota_exceeded, false},
    ErrorRule{429, "", "", ErrorClass::rate_limit, true},
    ErrorRule{400, "context_length_exceeded", "", ErrorClass::context_length_exceeded, false},
    // Those who took over the envelope say it in words.
    ErrorRule{400, "", "maximum context length", ErrorClass::context_length_exceeded, false},
    ErrorRule{400, "", "context window", ErrorClass::context_length_exceeded, false},
    ErrorRule{400, "", "prompt is too long", ErrorClass::context_length_exceeded, false},
    ErrorRule{400, "billing_hard_limit_reached", "", ErrorClass::quota_exceeded, false},
    ErrorRule{400, "", "", ErrorClass::bad_request, false},
    ErrorRule{401, "", "", ErrorClass::auth, false},
    ErrorRule{402, "", "", ErrorClass::quota_exceeded, false},
    ErrorRule{403, "unsupported_country_region_territory", "", ErrorClass::bad_request, false},
    ErrorRule{403, "", "", ErrorClass::permission, false},
    ErrorRule{404, "", "", ErrorClass::bad_request, false},
    ErrorRule{408, "", "", ErrorClass::timeout, true},
    ErrorRule{409, "", "", ErrorClass::bad_request, false},
    ErrorRule{413, "", "", ErrorClass::bad_request, false},
    ErrorRule{422, "", "", ErrorClass::bad_request, false},
    ErrorRule{500, "", "", ErrorClass::server_error, false},
    ErrorRule{502, "", "", ErrorClass::server_error, true},
    ErrorRule{503, "", "", ErrorClass::server_error, true},
    ErrorRule{504, "", "", ErrorClass::timeout, true},
    // Inside a 200 stream only the code speaks.
    ErrorRule{0, "insufficient_quota", "", ErrorClass::quota_exceeded, false},
    ErrorRule{0, "billing_hard_limit_reached", "", ErrorClass::quota_exceeded, false},
    ErrorRule{0, "rate_limit_exceeded", "", ErrorClass::rate_limit, true},
    ErrorRule{0, "rate_limit_error", "", ErrorClass::rate_limit, true},
    ErrorRule{0, "context_length_exceeded", "", ErrorClass::context_length_exceeded, false},
    ErrorRule{0, "invalid_api_key", "", ErrorClass::auth, false},
    ErrorRule{0, "model_not_found", "", ErrorClass::bad_request, false},
    ErrorRule{0, "invalid_request_error", "", ErrorClass::bad_request, false},
    ErrorRule{0, "invalid_prompt", "", ErrorClass::bad_request, false},
    ErrorRule{0, "server_is_overloaded", "", ErrorClass::server_error, true},
    ErrorRule{0, "server_error", "", ErrorClass::server_error, false},
};

}  // namespace halton::meter
