// DeepSeek: OpenAI's formats, and Anthropic's.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/chat/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/beta/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/beta/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/responses", RequestKind::chat, Billing::tokens, &shapes::openai_responses},
    Endpoint{"POST", "/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/anthropic/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/anthropic/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{Host{"api.deepseek.com", endpoints}};

constexpr auto errors = join(openai_errors, anthropic_errors);

constexpr std::array<std::string_view, 2> request_id_headers{"x-ds-trace-id", "x-request-id"};

constexpr Provider row{"deepseek", hosts, errors, request_id_headers};

}  // namespace

const Provider& deepseek() { return row; }

}  // namespace halton::meter
