// OpenRouter: OpenAI's formats over everybody's models; states what it charged.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/api/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/api/v1/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/api/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/api/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/api/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/api/v1/images", RequestKind::image, Billing::maybe, &shapes::openai_chat},
    Endpoint{"POST", "/api/v1/images/generations", RequestKind::image, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/api/v1/rerank", RequestKind::other, Billing::maybe, &shapes::openai_chat},
};

constexpr std::array hosts{Host{"openrouter.ai", endpoints}};

using enum ErrorClass;
// Codes are numbers here, the statuses of what answered behind it.
constexpr std::array own_errors{
    ErrorRule{403, "", "flagged", bad_request, false},
    ErrorRule{403, "", "limit exceeded", quota_exceeded, false},
};
constexpr auto errors = join(join(own_errors, openai_errors), anthropic_errors);

constexpr std::array<std::string_view, 2> request_id_headers{"x-generation-id", "x-request-id"};

constexpr Provider row{"openrouter", hosts, errors, request_id_headers, true};

}  // namespace

const Provider& openrouter() { return row; }

}  // namespace halton::meter
