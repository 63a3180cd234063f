// Voyage AI: embeddings and rerank, counted as a total.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/multimodalembeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/contextualizedembeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/rerank", RequestKind::other, Billing::maybe, &shapes::openai_chat},
};

constexpr std::array hosts{Host{"api.voyageai.com", endpoints}};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"voyage", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& voyage() { return row; }

}  // namespace halton::meter
