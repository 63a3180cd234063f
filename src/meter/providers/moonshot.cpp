// Moonshot (Kimi): OpenAI's chat format, and Anthropic's.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/anthropic/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/anthropic/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array kimi_endpoints{
    Endpoint{"POST", "/coding/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/coding/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/coding/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{
    Host{"api.moonshot.ai", endpoints},
    Host{"api.moonshot.cn", endpoints},
    Host{"api.kimi.com", kimi_endpoints},
};

constexpr auto errors = join(openai_errors, anthropic_errors);

constexpr std::array<std::string_view, 2> request_id_headers{"msh-request-id", "x-request-id"};

constexpr Provider row{"moonshot", hosts, errors, request_id_headers};

}  // namespace

const Provider& moonshot() { return row; }

}  // namespace halton::meter
