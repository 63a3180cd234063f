// xAI: OpenAI's and Anthropic's formats on one host.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat_reasoning_apart},
    Endpoint{"POST", "/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"GET", "/v1/responses/*", RequestKind::chat, Billing::retrieval,
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

constexpr std::array<std::string_view, 2> regions{"eu-west-1", "us-east-1"};

constexpr std::array hosts{Host{"api.x.ai", endpoints},
                           Host{"{region}.api.x.ai", endpoints, regions}};

using enum ErrorClass;
// Its own wording of an empty account, then OpenAI's table, then what only Anthropic's format says.
constexpr std::array own_errors{
    ErrorRule{429, "", "available credits", quota_exceeded, false},
    ErrorRule{403, "", "credits or licenses", quota_exceeded, false},
};
constexpr auto errors = join(join(own_errors, openai_errors), anthropic_errors);

constexpr std::array<std::string_view, 1> request_id_headers{"x-request-id"};

constexpr Provider row{"xai", hosts, errors, request_id_headers, true};

}  // namespace

const Provider& xai() { return row; }

}  // namespace halton::meter
