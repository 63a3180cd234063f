// Groq: OpenAI's formats.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/openai/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/openai/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/audio/transcriptions", RequestKind::audio, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/audio/translations", RequestKind::audio, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/audio/speech", RequestKind::audio, Billing::maybe,
             &shapes::openai_chat},
};

constexpr std::array hosts{Host{"api.groq.com", endpoints}};

using enum ErrorClass;
constexpr std::array own_errors{
    // The flex tier is full.
    ErrorRule{498, "", "", server_error, true},
    ErrorRule{0, "tool_use_failed", "", bad_request, false},
};
constexpr auto errors = join(own_errors, openai_errors);

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"groq", hosts, errors, request_id_headers};

}  // namespace

const Provider& groq() { return row; }

}  // namespace halton::meter
