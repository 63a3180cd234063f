// Heroku Inference: OpenAI's formats.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/images/generations", RequestKind::image, Billing::maybe,
             &shapes::openai_chat},
};

constexpr std::array hosts{
    Host{"us.inference.heroku.com", endpoints},
    Host{"eu.inference.heroku.com", endpoints},
};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"heroku", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& heroku() { return row; }

}  // namespace halton::meter
