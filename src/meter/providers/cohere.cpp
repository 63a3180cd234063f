// Cohere: chat v1 and v2, embeddings, rerank.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat", RequestKind::chat, Billing::tokens, &shapes::cohere},
    Endpoint{"POST", "/v2/chat", RequestKind::chat, Billing::tokens, &shapes::cohere},
    Endpoint{"POST", "/v1/generate", RequestKind::chat, Billing::tokens, &shapes::cohere},
    Endpoint{"POST", "/v1/embed", RequestKind::embedding, Billing::maybe, &shapes::cohere},
    Endpoint{"POST", "/v2/embed", RequestKind::embedding, Billing::maybe, &shapes::cohere},
    // Charged by the search, of up to a hundred documents.
    Endpoint{"POST", "/v1/rerank", RequestKind::other, Billing::maybe, &shapes::cohere},
    Endpoint{"POST", "/v2/rerank", RequestKind::other, Billing::maybe, &shapes::cohere},
    Endpoint{"POST", "/compatibility/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/compatibility/v1/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
};

constexpr std::array hosts{Host{"api.cohere.com", endpoints}, Host{"api.cohere.ai", endpoints}};

using enum ErrorClass;
constexpr std::array own_errors{
    ErrorRule{400, "TOO_MANY_TOKENS", "", context_length_exceeded, false},
    ErrorRule{429, "", "calls / month", quota_exceeded, false},
    ErrorRule{429, "", "billing limit", quota_exceeded, false},
    ErrorRule{499, "", "", unknown, true},
};
constexpr auto errors = join(own_errors, openai_errors);

constexpr std::array<std::string_view, 1> request_id_headers{"x-debug-trace-id"};

constexpr Provider row{"cohere", hosts, errors, request_id_headers};

}  // namespace

const Provider& cohere() { return row; }

}  // namespace halton::meter
