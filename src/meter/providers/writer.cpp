// Writer: OpenAI's chat format under a path of its own.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/v1/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
};

constexpr std::array hosts{Host{"api.writer.com", endpoints}};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"writer", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& writer() { return row; }

}  // namespace halton::meter
