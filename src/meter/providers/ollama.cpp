// Ollama's cloud: its own format, lines of JSON, and OpenAI's.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/api/chat", RequestKind::chat, Billing::tokens, &shapes::ollama},
    Endpoint{"POST", "/api/generate", RequestKind::chat, Billing::tokens, &shapes::ollama},
    Endpoint{"POST", "/api/embed", RequestKind::embedding, Billing::maybe, &shapes::ollama},
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{Host{"ollama.com", endpoints}};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"ollama", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& ollama() { return row; }

}  // namespace halton::meter
