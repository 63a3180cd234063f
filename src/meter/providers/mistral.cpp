// Mistral: OpenAI's chat format; errors without an envelope.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/fim/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/agents/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/conversations", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/audio/transcriptions", RequestKind::audio, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/audio/speech", RequestKind::audio, Billing::maybe, &shapes::openai_chat},
    // Charged by the page.
    Endpoint{"POST", "/v1/ocr", RequestKind::other, Billing::maybe, &shapes::openai_chat},
};

constexpr std::array codestral_endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/fim/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
};

constexpr std::array hosts{
    Host{"api.mistral.ai", endpoints},
    Host{"codestral.mistral.ai", codestral_endpoints},
};

using enum ErrorClass;
constexpr std::array own_errors{
    // All customers of a model together are too many: not this key's rate.
    ErrorRule{429, "", "capacity exceeded", server_error, true},
};
constexpr auto errors = join(own_errors, openai_errors);

constexpr std::array<std::string_view, 2> request_id_headers{"mistral-correlation-id",
                                                             "x-kong-request-id"};

constexpr Provider row{"mistral", hosts, errors, request_id_headers};

}  // namespace

const Provider& mistral() { return row; }

}  // namespace halton::meter
