// Z.ai (GLM): OpenAI's chat format, and Anthropic's.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/api/paas/v4/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/api/coding/paas/v4/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/api/paas/v4/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/api/anthropic/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/api/anthropic/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{Host{"api.z.ai", endpoints}, Host{"open.bigmodel.cn", endpoints}};

constexpr auto errors = join(openai_errors, anthropic_errors);

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"zai", hosts, errors, request_id_headers};

}  // namespace

const Provider& zai() { return row; }

}  // namespace halton::meter
