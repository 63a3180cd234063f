// NVIDIA's hosted models: OpenAI's formats.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
};

constexpr std::array hosts{Host{"integrate.api.nvidia.com", endpoints}};

constexpr std::array<std::string_view, 2> request_id_headers{"nvcf-reqid", "x-request-id"};

constexpr Provider row{"nvidia", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& nvidia() { return row; }

}  // namespace halton::meter
