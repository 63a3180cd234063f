// Alibaba Model Studio (Qwen): OpenAI's formats, and Anthropic's.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/compatible-mode/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/compatible-mode/v1/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/compatible-mode/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/compatible-mode/v1/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/apps/anthropic/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/apps/anthropic/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array coding_endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/apps/anthropic/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/apps/anthropic/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{
    Host{"dashscope.aliyuncs.com", endpoints},
    Host{"dashscope-intl.aliyuncs.com", endpoints},
    Host{"dashscope-us.aliyuncs.com", endpoints},
    Host{"coding-intl.dashscope.aliyuncs.com", coding_endpoints},
};

constexpr auto errors = join(openai_errors, anthropic_errors);

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"alibaba", hosts, errors, request_id_headers};

}  // namespace

const Provider& alibaba() { return row; }

}  // namespace halton::meter
