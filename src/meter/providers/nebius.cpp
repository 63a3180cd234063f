// Nebius: OpenAI's formats, under two names.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/images/generations", RequestKind::image, Billing::maybe,
             &shapes::openai_chat},
};

constexpr std::array hosts{
    Host{"api.tokenfactory.nebius.com", endpoints},
    Host{"api.studio.nebius.com", endpoints},
};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"nebius", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& nebius() { return row; }

}  // namespace halton::meter
