// Hugging Face: the router to other providers, and endpoints of one's own.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    // The first word is the provider behind the router.
    Endpoint{"POST", "**/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "**/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "**/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
};

// The older name of the router, before it had other providers.
constexpr std::array inference_endpoints{
    Endpoint{"POST", "**/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/models/*/*", RequestKind::chat, Billing::maybe, &shapes::tgi},
};

constexpr std::array dedicated_endpoints{
    // Text generation inference counts in its response head.
    Endpoint{"POST", "/", RequestKind::chat, Billing::maybe, &shapes::tgi},
    Endpoint{"POST", "/generate", RequestKind::chat, Billing::maybe, &shapes::tgi},
    Endpoint{"POST", "/generate_stream", RequestKind::chat, Billing::maybe, &shapes::tgi, true},
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
};

constexpr std::array hosts{
    Host{"router.huggingface.co", endpoints},
    Host{"api-inference.huggingface.co", inference_endpoints},
    Host{"*.endpoints.huggingface.cloud", dedicated_endpoints},
};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"huggingface", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& huggingface() { return row; }

}  // namespace halton::meter
