// Replicate: predictions that are begun, then polled; charged by time or by tokens.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/predictions", RequestKind::other, Billing::maybe, &shapes::replicate},
    Endpoint{"POST", "/v1/models/*/*/predictions", RequestKind::other, Billing::maybe,
             &shapes::replicate},
    Endpoint{"POST", "/v1/deployments/*/*/predictions", RequestKind::other, Billing::maybe,
             &shapes::replicate},
    Endpoint{"GET", "/v1/predictions/*", RequestKind::other, Billing::retrieval,
             &shapes::replicate},
};

constexpr std::array hosts{Host{"api.replicate.com", endpoints}};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"replicate", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& replicate() { return row; }

}  // namespace halton::meter
