// Vertex AI: Google's models, other makers' models in their own formats, and OpenAI's chat format.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/google_errors.h"

namespace halton::meter {

namespace {

using shapes::anthropic_messages;
using shapes::gemini_generate;
using shapes::openai_chat;

// Project, location and version stand before; express mode has neither of the first two.
constexpr std::array endpoints{
    Endpoint{"POST", "**/publishers/google/models/{model}:generateContent", RequestKind::chat,
             Billing::tokens, &gemini_generate},
    Endpoint{"POST", "**/publishers/google/models/{model}:streamGenerateContent", RequestKind::chat,
             Billing::tokens, &gemini_generate, true},
    Endpoint{"POST", "**/publishers/google/models/{model}:countTokens", RequestKind::other,
             Billing::free, &gemini_generate},
    Endpoint{"POST", "**/publishers/google/models/{model}:embedContent", RequestKind::embedding,
             Billing::maybe, &gemini_generate},
    // Embeddings count each text; images and videos are charged by the piece.
    Endpoint{"POST", "**/publishers/google/models/{model}:predict", RequestKind::other,
             Billing::maybe, &shapes::vertex_predict},
    // Tuned models.
    Endpoint{"POST", "**/endpoints/*:generateContent", RequestKind::chat, Billing::tokens,
             &gemini_generate},
    Endpoint{"POST", "**/endpoints/*:streamGenerateContent", RequestKind::chat, Billing::tokens,
             &gemini_generate, true},
    Endpoint{"POST", "**/publishers/anthropic/models/count-tokens:rawPredict", RequestKind::other,
             Billing::free, &anthropic_messages},
    Endpoint{"POST", "**/publishers/anthropic/models/{model}:rawPredict", RequestKind::chat,
             Billing::tokens, &anthropic_messages},
    Endpoint{"POST", "**/publishers/anthropic/models/{model}:streamRawPredict", RequestKind::chat,
             Billing::tokens, &anthropic_messages, true},
    Endpoint{"POST", "**/publishers/mistralai/models/{model}:rawPredict", RequestKind::chat,
             Billing::tokens, &openai_chat},
    Endpoint{"POST", "**/publishers/mistralai/models/{model}:streamRawPredict", RequestKind::chat,
             Billing::tokens, &openai_chat, true},
    Endpoint{"POST", "**/endpoints/openapi/chat/completions", RequestKind::chat, Billing::tokens,
             &openai_chat},
    // The Live API.
    Endpoint{"GET", "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
             RequestKind::realtime, Billing::tokens, &gemini_generate, true, &sockets::gemini_live},
    Endpoint{"GET", "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
             RequestKind::realtime, Billing::tokens, &gemini_generate, true, &sockets::gemini_live},
};

constexpr std::array<std::string_view, 39> regions{
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-southwest1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "europe-west12",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
};

constexpr std::array hosts{Host{"aiplatform.googleapis.com", endpoints},
                           Host{"{region}-aiplatform.googleapis.com", endpoints, regions},
                           Host{"aiplatform.us.rep.googleapis.com", endpoints},
                           Host{"aiplatform.eu.rep.googleapis.com", endpoints}};

// Other makers' errors come in their own envelope.
constexpr auto errors = join(google_errors, anthropic_errors);

constexpr std::array<std::string_view, 2> request_id_headers{"x-goog-request-id", "request-id"};

constexpr Provider row{"vertex", hosts, errors, request_id_headers};

}  // namespace

const Provider& vertex() { return row; }

}  // namespace halton::meter
