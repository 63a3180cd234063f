// Anthropic: the Messages API.
#include "meter/providers/anthropic_errors.h"

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

constexpr std::array<std::string_view, 1> request_id_headers{"request-id"};

constexpr Provider row{"anthropic", hosts, anthropic_errors, request_id_headers};

}  // namespace

const Provider& anthropic() { return row; }

}  // namespace halton::meter
