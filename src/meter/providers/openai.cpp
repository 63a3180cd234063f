// OpenAI: the API host, and Codex under a ChatGPT account.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

using shapes::openai_chat;
using shapes::openai_responses;

constexpr std::array api_endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens, &openai_chat},
    Endpoint{"POST", "/v1/responses", RequestKind::chat, Billing::tokens, &openai_responses},
    Endpoint{"POST", "/v1/responses/compact", RequestKind::chat, Billing::tokens,
             &openai_responses},
    Endpoint{"GET", "/v1/responses/*", RequestKind::chat, Billing::retrieval, &openai_responses},
    Endpoint{"POST", "/v1/responses/input_tokens", RequestKind::other, Billing::free,
             &openai_responses},
    Endpoint{"POST", "/v1/completions", RequestKind::chat, Billing::tokens, &openai_chat},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::tokens, &openai_chat},
    // dall-e and whisper answer without counts, their successors with them.
    Endpoint{"POST", "/v1/images/generations", RequestKind::image, Billing::maybe,
             &openai_responses},
    Endpoint{"POST", "/v1/images/edits", RequestKind::image, Billing::maybe, &openai_responses},
    Endpoint{"POST", "/v1/images/variations", RequestKind::image, Billing::maybe,
             &openai_responses},
    Endpoint{"POST", "/v1/audio/speech", RequestKind::audio, Billing::maybe, &openai_chat},
    Endpoint{"POST", "/v1/audio/transcriptions", RequestKind::audio, Billing::maybe, &openai_chat},
    Endpoint{"POST", "/v1/audio/translations", RequestKind::audio, Billing::maybe, &openai_chat},
    Endpoint{"GET", "/v1/responses", RequestKind::chat, Billing::tokens, &openai_responses,
             true, &sockets::openai_responses},
    Endpoint{"GET", "/v1/realtime", RequestKind::realtime, Billing::tokens, &openai_responses, true,
             &sockets::openai_realtime},
};

// The rest of chatgpt.com is the web application and stays unmetered.
constexpr std::array codex_endpoints{
    Endpoint{"POST", "/backend-api/codex/responses", RequestKind::chat, Billing::tokens,
             &openai_responses},
    Endpoint{"POST", "/backend-api/codex/responses/compact", RequestKind::chat, Billing::tokens,
             &openai_responses},
    Endpoint{"GET", "/backend-api/codex/responses", RequestKind::chat, Billing::tokens,
             &openai_responses, true, &sockets::openai_responses},
};

// Where data has to stay.
constexpr std::array<std::string_view, 10> regions{"ae", "au", "ca", "eu", "gb",
                                                   "in", "jp", "kr", "sg", "us"};

constexpr std::array hosts{Host{"api.openai.com", api_endpoints},
                           Host{"{region}.api.openai.com", api_endpoints, regions},
                           Host{"chatgpt.com", codex_endpoints}};

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"openai", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& openai() { return row; }

}  // namespace halton::meter
