// xAI: OpenAI's and Anthropic's formats on one host.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat_reasoning_apart},
    Endpoint{"POST", "/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "/v1/embeddings", RequestKind::embedding, Billing::maybe,
             &shapes::openai_chat},
    // Answers state a cost instead of counts.
    Endpoint{"POST", "/v1/images/generations", RequestKind::image, Billing::maybe,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/images/edits", RequestKind::image, Billing::maybe, &shapes::openai_chat},
    // Charged by the minute, without counts.
    Endpoint{"GET", "/v1/realtime", RequestKind::realtime, Billing::maybe, &shapes::openai_responses,
             true, &sockets::openai_realtime},
    Endpoint{"POST", "/v1/stt", RequestKind::audio, Billing::maybe, &shapes::openai_chat},
};

constexpr std::array hosts{Host{"api.x.ai", endpoints}};

// Its own wording of an empty account, then OpenAI's table.
constexpr auto errors = [] {
    std::array own{
        ErrorRule{429, "", "available credits", ErrorClass::quota_exceeded, false},
        ErrorRule{403, "", "credits or licenses", ErrorClass::quota_exceeded, false},
    };
    std::array<ErrorRule, own.size() + openai_errors.size()> all{};
    std::size_t at = 0;
    for (const ErrorRule& rule : own) all[at++] = rule;
    for (const ErrorRule& rule : openai_errors) all[at++] = rule;
    return all;
}();

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"xai", hosts, errors, request_id_headers};

}  // namespace

const Provider& xai() { return row; }

}  // namespace halton::meter
