// Google Gemini: the public API and Code Assist.
#include "meter/providers/google_errors.h"

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
    // Pictures, charged by the piece.
    Endpoint{"POST", "/*/models/{model}:predict", RequestKind::image, Billing::maybe,
             &shapes::vertex_predict},
    Endpoint{"POST", "/*/models/{model}:countTokens", RequestKind::other, Billing::free,
             &gemini_generate},
    Endpoint{"POST", "/*/interactions", RequestKind::chat, Billing::tokens, &gemini_interactions},
    Endpoint{"GET", "/*/interactions/*", RequestKind::chat, Billing::retrieval,
             &gemini_interactions},
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

constexpr std::array<std::string_view, 1> request_id_headers{"x-goog-request-id"};

constexpr Provider row{"gemini", hosts, google_errors, request_id_headers};

}  // namespace

const Provider& gemini() { return row; }

}  // namespace halton::meter
