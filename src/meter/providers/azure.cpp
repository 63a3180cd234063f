// Azure OpenAI and AI Foundry: OpenAI's formats under the resource's own host, and Anthropic's.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    // The deployment in the path is a name that the customer chose; the answer says the model.
    Endpoint{"POST", "/openai/deployments/{model}/chat/completions", RequestKind::chat,
             Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/openai/deployments/{model}/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/deployments/{model}/embeddings", RequestKind::embedding,
             Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/openai/deployments/{model}/images/generations", RequestKind::image,
             Billing::maybe, &shapes::openai_responses},
    Endpoint{"POST", "/openai/deployments/{model}/images/edits", RequestKind::image, Billing::maybe,
             &shapes::openai_responses},
    Endpoint{"POST", "/openai/deployments/{model}/audio/speech", RequestKind::audio, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/deployments/{model}/audio/transcriptions", RequestKind::audio,
             Billing::maybe, &shapes::openai_chat},
    Endpoint{"POST", "/openai/deployments/{model}/audio/translations", RequestKind::audio,
             Billing::maybe, &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/openai/v1/responses/compact", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"GET", "/openai/v1/responses/*", RequestKind::chat, Billing::retrieval,
             &shapes::openai_responses},
    Endpoint{"POST", "/openai/v1/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/responses/input_tokens", RequestKind::other, Billing::free,
             &shapes::openai_responses},
    Endpoint{"POST", "/openai/v1/images/generations", RequestKind::image, Billing::maybe,
             &shapes::openai_responses},
    Endpoint{"POST", "/openai/v1/images/edits", RequestKind::image, Billing::maybe,
             &shapes::openai_responses},
    Endpoint{"POST", "/openai/v1/audio/speech", RequestKind::audio, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/audio/transcriptions", RequestKind::audio, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"GET", "/openai/responses/*", RequestKind::chat, Billing::retrieval,
             &shapes::openai_responses},
    Endpoint{"POST", "/chat/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/embeddings", RequestKind::embedding, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "/models/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/models/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"GET", "/openai/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses, true, &sockets::openai_responses},
    Endpoint{"GET", "/openai/v1/realtime", RequestKind::realtime, Billing::tokens,
             &shapes::openai_responses, true, &sockets::openai_realtime},
    Endpoint{"GET", "/openai/realtime", RequestKind::realtime, Billing::tokens,
             &shapes::openai_responses, true, &sockets::openai_realtime},
    Endpoint{"GET", "/voice-live/realtime", RequestKind::realtime, Billing::tokens,
             &shapes::openai_responses, true, &sockets::openai_realtime},
    Endpoint{"POST", "/anthropic/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/anthropic/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{
    Host{"*.openai.azure.com", endpoints},
    Host{"*.cognitiveservices.azure.com", endpoints},
    Host{"*.services.ai.azure.com", endpoints},
};

using enum ErrorClass;
// The filter refuses prompts with status 400, or inside of a good answer.
constexpr std::array own_errors{
    ErrorRule{0, "content_filter", "", bad_request, false},
    ErrorRule{400, "DeploymentNotFound", "", bad_request, false},
    ErrorRule{429, "", "exceeded your current quota", quota_exceeded, false},
};
constexpr auto errors = join(join(own_errors, openai_errors), anthropic_errors);

constexpr std::array<std::string_view, 3> request_id_headers{"apim-request-id", "x-request-id",
                                                             "request-id"};

constexpr Provider row{"azure", hosts, errors, request_id_headers};

}  // namespace

const Provider& azure() { return row; }

}  // namespace halton::meter
