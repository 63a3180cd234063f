// MiniMax: OpenAI's chat format, and Anthropic's.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/text/chatcompletion_v2", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/anthropic/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/anthropic/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};

constexpr std::array hosts{Host{"api.minimax.io", endpoints}, Host{"api.minimaxi.com", endpoints}};

constexpr auto errors = join(openai_errors, anthropic_errors);

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"minimax", hosts, errors, request_id_headers};

}  // namespace

const Provider& minimax() { return row; }

}  // namespace halton::meter
