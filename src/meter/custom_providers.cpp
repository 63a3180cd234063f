#include "meter/custom_providers.h"

#include <algorithm>
#include <array>

#include "meter/providers/anthropic_errors.h"
#include "meter/providers/google_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

// Where a gateway serves a format is its own affair: only how the path ends is known.
constexpr std::array openai_endpoints{
    Endpoint{"POST", "**/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "**/completions", RequestKind::chat, Billing::tokens, &shapes::openai_chat},
    Endpoint{"POST", "**/responses", RequestKind::chat, Billing::tokens, &shapes::openai_responses},
    Endpoint{"GET", "**/responses/*", RequestKind::chat, Billing::retrieval,
             &shapes::openai_responses},
    Endpoint{"GET", "**/responses", RequestKind::chat, Billing::tokens, &shapes::openai_responses,
             true, &sockets::openai_responses},
    Endpoint{"GET", "**/realtime", RequestKind::realtime, Billing::tokens,
             &shapes::openai_responses, true, &sockets::openai_realtime},
    Endpoint{"POST", "**/embeddings", RequestKind::embedding, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "**/rerank", RequestKind::other, Billing::maybe, &shapes::openai_chat},
    Endpoint{"POST", "**/images/generations", RequestKind::image, Billing::maybe,
             &shapes::openai_responses},
    Endpoint{"POST", "**/audio/speech", RequestKind::audio, Billing::maybe, &shapes::openai_chat},
    Endpoint{"POST", "**/audio/transcriptions", RequestKind::audio, Billing::maybe,
             &shapes::openai_chat},
};
constexpr std::array anthropic_endpoints{
    Endpoint{"POST", "**/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
    Endpoint{"POST", "**/v1/messages/count_tokens", RequestKind::other, Billing::free,
             &shapes::anthropic_messages},
};
constexpr std::array gemini_endpoints{
    Endpoint{"POST", "**/models/{model}:generateContent", RequestKind::chat, Billing::tokens,
             &shapes::gemini_generate},
    Endpoint{"POST", "**/models/{model}:streamGenerateContent", RequestKind::chat, Billing::tokens,
             &shapes::gemini_generate, true},
    Endpoint{"POST", "**/models/{model}:countTokens", RequestKind::other, Billing::free,
             &shapes::gemini_generate},
    Endpoint{"POST", "**/models/{model}:embedContent", RequestKind::embedding, Billing::maybe,
             &shapes::gemini_generate},
};
constexpr std::array ollama_endpoints{
    Endpoint{"POST", "**/api/chat", RequestKind::chat, Billing::tokens, &shapes::ollama},
    Endpoint{"POST", "**/api/generate", RequestKind::chat, Billing::tokens, &shapes::ollama},
    Endpoint{"POST", "**/api/embed", RequestKind::embedding, Billing::maybe, &shapes::ollama},
};
constexpr std::array bedrock_endpoints{
    Endpoint{"POST", "**/model/{model+}/converse", RequestKind::chat, Billing::tokens,
             &shapes::bedrock_converse},
    Endpoint{"POST", "**/model/{model+}/converse-stream", RequestKind::chat, Billing::tokens,
             &shapes::bedrock_converse, true},
    Endpoint{"POST", "**/model/{model+}/invoke", RequestKind::chat, Billing::tokens,
             &shapes::bedrock_invoke},
    Endpoint{"POST", "**/model/{model+}/invoke-with-response-stream", RequestKind::chat,
             Billing::tokens, &shapes::bedrock_invoke, true},
};

struct Family {
    std::string_view word;  // config::custom_shapes
    std::span<const Endpoint> endpoints;
};
constexpr std::array<Family, 5> families{{
    {"openai", openai_endpoints},
    {"anthropic", anthropic_endpoints},
    {"gemini", gemini_endpoints},
    {"ollama", ollama_endpoints},
    {"bedrock", bedrock_endpoints},
}};

// Whatever family it speaks: their codes do not overlap.
constexpr auto errors = join(join(openai_errors, anthropic_errors), google_errors);

constexpr std::array<std::string_view, 3> request_id_headers{"x-request-id", "request-id",
                                                             "x-amzn-requestid"};

}  // namespace

struct ProviderTable::Custom {
    std::string host_name;
    std::string name;
    std::vector<Endpoint> endpoints;
    std::array<Host, 1> hosts;
    Provider provider;
};

ProviderTable::ProviderTable(const std::vector<config::CustomProvider>& added) {
    for (const config::CustomProvider& entry : added) {
        const auto family = std::find_if(families.begin(), families.end(), [&](const Family& row) {
            return row.word == entry.shape;
        });
        if (family == families.end()) continue;
        auto known = std::find_if(custom_.begin(), custom_.end(), [&](const auto& custom) {
            return custom->host_name == entry.host;
        });
        if (known == custom_.end()) {
            auto made = std::make_unique<Custom>();
            made->host_name = entry.host;
            made->name = entry.name;
            known = custom_.insert(custom_.end(), std::move(made));
        }
        Custom& custom = **known;
        custom.endpoints.insert(custom.endpoints.end(), family->endpoints.begin(),
                                family->endpoints.end());
    }
    for (const auto& custom : custom_) {
        custom->hosts = {Host{custom->host_name, custom->endpoints}};
        custom->provider = Provider{custom->name, custom->hosts, errors, request_id_headers};
    }
}

ProviderTable::~ProviderTable() = default;

HostMatch ProviderTable::find_host(std::string_view host) const {
    // An exact name before a whole domain.
    for (const bool is_exact : {true, false}) {
        for (const auto& custom : custom_) {
            if (is_exact ? custom->host_name == host : matches_host(custom->host_name, host)) {
                return {&custom->provider, &custom->hosts.front()};
            }
        }
    }
    return meter::find_host(host);
}

std::vector<const Host*> ProviderTable::hosts() const {
    std::vector<const Host*> all;
    for (const Provider* provider : all_providers()) {
        for (const Host& host : provider->hosts) all.push_back(&host);
    }
    for (const auto& custom : custom_) all.push_back(&custom->hosts.front());
    return all;
}

const ProviderTable& built_in_providers() {
    static const ProviderTable table;
    return table;
}

}  // namespace halton::meter
