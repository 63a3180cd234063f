// Crusoe: OpenAI's chat format.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
};

constexpr std::array hosts{Host{"api.inference.crusoecloud.com", endpoints}};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"crusoe", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& crusoe() { return row; }

}  // namespace halton::meter
