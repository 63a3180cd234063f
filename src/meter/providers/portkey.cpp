// Portkey's gateway: OpenAI's formats, and prompts that are kept there.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/prompts/*/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{Host{"api.portkey.ai", endpoints}};

constexpr auto errors = join(openai_errors, anthropic_errors);

constexpr std::array<std::string_view, 1> request_id_headers{"x-portkey-trace-id"};

constexpr Provider row{"portkey", hosts, errors, request_id_headers};

}  // namespace

const Provider& portkey() { return row; }

}  // namespace halton::meter
