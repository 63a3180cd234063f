// Google Gemini: the public API and Code Assist.
#include <array>

#include "meter/providers/provider.h"

namespace halton::meter {

namespace {

using shapes::gemini_generate;
using shapes::gemini_interactions;
using shapes::openai_chat;

// The version is v1, v1beta, v1beta1, v1alpha, ...; the model stands in the path.
constexpr std::array api_endpoints{
    Endpoint{"POST", "/*/models/{model}:generateContent", RequestKind::chat, Billing::tokens,
             &gemini_generate},
    Endpoint{"POST", "/*/models/{model}:streamGenerateContent", RequestKind::chat, Billing::tokens,
             &gemini_generate, true},
    // Older embedding models count nothing.
    Endpoint{"POST", "/*/models/{model}:embedContent", RequestKind::embedding, Billing::maybe,
             &gemini_generate},
    Endpoint{"POST", "/*/models/{model}:batchEmbedContents", RequestKind::embedding, Billing::maybe,
             &gemini_generate},
    Endpoint{"POST", "/*/models/{model}:countTokens", RequestKind::other, Billing::free,
             &gemini_generate},
    Endpoint{"POST", "/*/interactions", RequestKind::chat, Billing::tokens, &gemini_interactions},
    Endpoint{"POST", "/*/openai/chat/completions", RequestKind::chat, Billing::tokens,
             &openai_chat},
    Endpoint{"POST", "/*/openai/embeddings", RequestKind::embedding, Billing::maybe, &openai_chat},
    // The Live API; "Constrained" with a token made for one session.
    Endpoint{"GET", "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
             RequestKind::realtime, Billing::tokens, &gemini_generate, true,
             &sockets::gemini_live},
    Endpoint{"GET", "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent",
             RequestKind::realtime, Billing::tokens, &gemini_generate, true,
             &sockets::gemini_live},
    Endpoint{"GET",
             "/ws/google.ai.generativelanguage.v1alpha.GenerativeService."
             "BidiGenerateContentConstrained",
             RequestKind::realtime, Billing::tokens, &gemini_generate, true,
             &sockets::gemini_live},
};

constexpr std::array code_assist_endpoints{
    Endpoint{"POST", "/v1internal:generateContent", RequestKind::chat, Billing::tokens,
             &gemini_generate},
    Endpoint{"POST", "/v1internal:streamGenerateContent", RequestKind::chat, Billing::tokens,
             &gemini_generate, true},
};

constexpr std::array hosts{Host{"generativelanguage.googleapis.com", api_endpoints},
                           Host{"cloudcode-pa.googleapis.com", code_assist_endpoints}};

using enum ErrorClass;
constexpr std::array errors{
    ErrorRule{400, "INVALID_ARGUMENT", "API_KEY_INVALID", auth, false},
    ErrorRule{400, "INVALID_ARGUMENT", "API key not valid", auth, false},
    ErrorRule{400, "INVALID_ARGUMENT", "input token count", context_length_exceeded, false},
    ErrorRule{400, "", "", bad_request, false},
    ErrorRule{401, "", "", auth, false},
    ErrorRule{402, "", "", quota_exceeded, false},
    ErrorRule{403, "", "", permission, false},
    ErrorRule{404, "", "", bad_request, false},
    ErrorRule{409, "", "", bad_request, false},
    ErrorRule{413, "", "", bad_request, false},
    ErrorRule{429, "", "", rate_limit, true},
    ErrorRule{499, "CANCELLED", "", unknown, true},
    ErrorRule{500, "", "", server_error, false},
    ErrorRule{502, "", "", server_error, true},
    ErrorRule{503, "", "", server_error, true},
    ErrorRule{504, "", "", timeout, true},
    // Inside a 200 stream only the code speaks.
    ErrorRule{0, "RESOURCE_EXHAUSTED", "", rate_limit, true},
    ErrorRule{0, "INVALID_ARGUMENT", "input token count", context_length_exceeded, false},
    ErrorRule{0, "INVALID_ARGUMENT", "", bad_request, false},
    ErrorRule{0, "FAILED_PRECONDITION", "", bad_request, false},
    ErrorRule{0, "NOT_FOUND", "", bad_request, false},
    ErrorRule{0, "UNAUTHENTICATED", "", auth, false},
    ErrorRule{0, "PERMISSION_DENIED", "", permission, false},
    ErrorRule{0, "CANCELLED", "", unknown, true},
    ErrorRule{0, "INTERNAL", "", server_error, false},
    ErrorRule{0, "UNAVAILABLE", "", server_error, true},
    ErrorRule{0, "DEADLINE_EXCEEDED", "", timeout, true},
};

constexpr std::array<std::string_view, 1> request_id_headers{"x-goog-request-id"};

constexpr Provider row{"gemini", hosts, errors, request_id_headers};

}  // namespace

const Provider& gemini() { return row; }

}  // namespace halton::meter
