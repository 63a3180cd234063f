// Fireworks: OpenAI's formats, and Anthropic's.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/inference/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/inference/v1/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/inference/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/inference/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/inference/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/inference/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{Host{"api.fireworks.ai", endpoints}};

constexpr auto errors = join(openai_errors, anthropic_errors);

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"fireworks", hosts, errors, request_id_headers};

}  // namespace

const Provider& fireworks() { return row; }

}  // namespace halton::meter
