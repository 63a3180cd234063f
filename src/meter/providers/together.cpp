// Together AI: OpenAI's formats, under two names.
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
    Endpoint{"POST", "/v1/audio/transcriptions", RequestKind::audio, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/rerank", RequestKind::other, Billing::maybe, &shapes::openai_chat},
};

constexpr std::array hosts{Host{"api.together.xyz", endpoints}, Host{"api.together.ai", endpoints}};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"together", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& together() { return row; }

}  // namespace halton::meter
