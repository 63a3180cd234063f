// IBM watsonx.ai: one host a region.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/ml/*/text/generation", RequestKind::chat, Billing::tokens, &shapes::watsonx},
    Endpoint{"POST", "/ml/*/text/generation_stream", RequestKind::chat, Billing::tokens,
             &shapes::watsonx, true},
    Endpoint{"POST", "/ml/v1-beta/generation/text", RequestKind::chat, Billing::tokens,
             &shapes::watsonx},
    Endpoint{"POST", "/ml/*/deployments/*/text/generation", RequestKind::chat, Billing::tokens,
             &shapes::watsonx},
    Endpoint{"POST", "/ml/*/deployments/*/text/generation_stream", RequestKind::chat,
             Billing::tokens, &shapes::watsonx, true},
    Endpoint{"POST", "/ml/*/text/chat", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/ml/*/text/chat_stream", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat, true},
    Endpoint{"POST", "/ml/*/text/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::watsonx},
};

constexpr std::array hosts{Host{"*.ml.cloud.ibm.com", endpoints}};

constexpr std::array<std::string_view, 2> request_id_headers{"x-global-transaction-id",
                                                             "x-request-id"};

constexpr Provider row{"watsonx", hosts, openai_errors, request_id_headers, false, false, true};

}  // namespace

const Provider& watsonx() { return row; }

}  // namespace halton::meter
