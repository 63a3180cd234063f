// GitHub Copilot: OpenAI's and Anthropic's formats; one host a plan.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/chat/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/responses", RequestKind::chat, Billing::tokens, &shapes::openai_responses},
    Endpoint{"POST", "/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/embeddings", RequestKind::embedding, Billing::maybe, &shapes::openai_chat},
};

constexpr std::array hosts{
    Host{"api.githubcopilot.com", endpoints},
    Host{"api.individual.githubcopilot.com", endpoints},
    Host{"api.business.githubcopilot.com", endpoints},
    Host{"api.enterprise.githubcopilot.com", endpoints},
};

constexpr auto errors = join(openai_errors, anthropic_errors);

constexpr std::array<std::string_view, 2> request_id_headers{"x-request-id", "x-github-request-id"};

constexpr Provider row{"copilot", hosts, errors, request_id_headers};

}  // namespace

const Provider& copilot() { return row; }

}  // namespace halton::meter
