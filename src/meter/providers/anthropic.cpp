// Anthropic: the Messages API.
#include <array>

#include "meter/providers/provider.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    // The Text Completions of old never count: a row, incomplete.
    Endpoint{"POST", "/v1/complete", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/v1/messages/batches", RequestKind::other, Billing::deferred,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{Host{"api.anthropic.com", endpoints}};

using enum ErrorClass;
// A plain 500 is a hard fault (not retryable); 529 is overload, never the caller's rate.
constexpr std::array errors{
    ErrorRule{529, "", "", server_error, true},
    ErrorRule{429, "", "", rate_limit, true},
    ErrorRule{400, "invalid_request_error", "prompt is too long", context_length_exceeded, false},
    ErrorRule{400, "invalid_request_error", "exceed context limit", context_length_exceeded, false},
    ErrorRule{400, "invalid_request_error", "credit balance is too low", quota_exceeded, false},
    ErrorRule{400, "", "", bad_request, false},
    ErrorRule{401, "", "", auth, false},
    ErrorRule{402, "", "", quota_exceeded, false},
    ErrorRule{403, "", "", permission, false},
    ErrorRule{404, "", "", bad_request, false},
    ErrorRule{409, "", "", bad_request, false},
    ErrorRule{413, "", "", bad_request, false},
    ErrorRule{422, "", "", bad_request, false},
    ErrorRule{500, "", "", server_error, false},
    ErrorRule{502, "", "", server_error, true},
    ErrorRule{503, "", "", server_error, true},
    ErrorRule{504, "", "", timeout, true},
    // Inside a 200 stream only the code speaks.
    ErrorRule{0, "overloaded_error", "", server_error, true},
    ErrorRule{0, "rate_limit_error", "", rate_limit, true},
    ErrorRule{0, "invalid_request_error", "prompt is too long", context_length_exceeded, false},
    ErrorRule{0, "invalid_request_error", "", bad_request, false},
    ErrorRule{0, "authentication_error", "", auth, false},
    ErrorRule{0, "billing_error", "", quota_exceeded, false},
    ErrorRule{0, "permission_error", "", permission, false},
    ErrorRule{0, "not_found_error", "", bad_request, false},
    ErrorRule{0, "conflict_error", "", bad_request, false},
    ErrorRule{0, "request_too_large", "", bad_request, false},
    ErrorRule{0, "api_error", "", server_error, false},
    ErrorRule{0, "timeout_error", "", timeout, true},
};

constexpr std::array<std::string_view, 1> request_id_headers{"request-id"};

constexpr Provider row{"anthropic", hosts, errors, request_id_headers};

}  // namespace

const Provider& anthropic() { return row; }

}  // namespace halton::meter
