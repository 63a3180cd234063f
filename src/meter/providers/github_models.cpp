// GitHub Models: OpenAI's formats, under two names.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/inference/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/orgs/*/inference/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/inference/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/orgs/*/inference/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
};

constexpr std::array azure_endpoints{
    Endpoint{"POST", "/chat/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/embeddings", RequestKind::embedding, Billing::tokens, &shapes::openai_chat},
};

constexpr std::array hosts{
    Host{"models.github.ai", endpoints},
    Host{"models.inference.ai.azure.com", azure_endpoints},
};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"github-models", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& github_models() { return row; }

}  // namespace halton::meter
