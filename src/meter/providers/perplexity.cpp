// Perplexity: OpenAI's formats. Every chunk of a stream repeats the counts so far, the last one has
// the cost.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/chat/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/v1/agent", RequestKind::chat, Billing::tokens, &shapes::openai_responses},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
};

constexpr std::array hosts{Host{"api.perplexity.ai", endpoints}};

constexpr std::array own_errors{
    ErrorRule{400, "too_many_prompt_tokens", "", ErrorClass::context_length_exceeded, false},
};
constexpr auto errors = join(own_errors, openai_errors);

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"perplexity", hosts, errors, request_id_headers, true};

}  // namespace

const Provider& perplexity() { return row; }

}  // namespace halton::meter
