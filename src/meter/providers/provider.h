// The provider table: who answers at which host, which of its paths are metered and how, and
// what its errors mean. A new provider is one file with one row, its line in table.cpp, and a
// folder of fixtures. The tables are printed in src/meter/README.md, by tests/meter/.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meter/call.h"
#include "meter/providers/shapes/shapes.h"
#include "meter/providers/shapes/sockets.h"

namespace halton::meter {

// Whether calls of an endpoint cost something, and whether their answers count tokens.
enum class Billing {
    tokens,    // the answer counts tokens; without counts the row is incomplete
    maybe,     // some models answer with counts, some without; both are complete
    free,      // never charged: a row of cost 0, counts of the answer are not consumption
    deferred,  // charged later elsewhere (batches): a row without counts and without a cost
    // An earlier call's answer, fetched: it may be polled any number of times and repeats its
    // counts each time. A row only for the first one with counts, and only when that earlier call
    // was seen to end without any (see PendingAnswers); else no row at all.
    retrieval,
};

struct Endpoint {
    std::string_view method;
    // Exact, except that '*' and '{model}' stand for one or more bytes without '/' and ':',
    // '{model+}' for such with ':', and "**" at the start for any beginning, also none.
    std::string_view path;
    RequestKind kind = RequestKind::chat;
    Billing billing = Billing::tokens;
    const Shape* shape = nullptr;
    bool is_stream = false;  // the path alone says that the answer is a stream
    // An upgrade to a WebSocket (method GET), whose turns are the calls. The shape is that of a
    // refusal.
    const SocketShape* socket = nullptr;
};

// One line of an error table. The first that matches wins, and lines with a code or a text win over
// lines with a status alone.
struct ErrorRule {
    int status = 0;         // 0: an error inside an answer that began with a good status
    std::string_view code;  // native code or type; empty: any
    std::string_view text;  // must occur in the message or reason, without case; empty: any
    ErrorClass error_class = ErrorClass::unknown;
    bool is_retryable = false;
};

// Where a provider answers. A name is
//   exact                            "api.openai.com"
//   everything below a domain        "*.openai.azure.com"
//   one host a region                "bedrock-runtime.{region}.amazonaws.com"
// The last form exists because the root may sign for whole domains only, and all of amazonaws.com
// is far more than what we meter: `regions` are what is decrypted. A region that is not listed
// yet is metered as soon as `extra_hosts` of the config names its host.
struct Host {
    std::string_view name;
    std::span<const Endpoint> endpoints;
    std::span<const std::string_view> regions = {};
};

struct Provider {
    std::string_view id;  // as in rows
    std::span<const Host> hosts;
    std::span<const ErrorRule> errors;
    // Response headers with the provider's id of the call, in order of preference.
    std::span<const std::string_view> request_id_headers;
    // Its answers state what it charges. A cost in anybody else's answer is a gateway's: kept, and
    // not believed.
    bool states_cost = false;
    // The request names what is charged, the answer may give the maker's own name for it.
    bool is_priced_by_request = false;
    // Requests call the model "model_id".
    bool names_model_id = false;
};

// One table behind the other.
template <std::size_t First, std::size_t Second>
constexpr std::array<ErrorRule, First + Second> join(const std::array<ErrorRule, First>& first,
                                                     const std::array<ErrorRule, Second>& second) {
    std::array<ErrorRule, First + Second> all{};
    std::size_t at = 0;
    for (const ErrorRule& rule : first) all[at++] = rule;
    for (const ErrorRule& rule : second) all[at++] = rule;
    return all;
}

// One accessor per file.
const Provider& anthropic();
const Provider& openai();
const Provider& gemini();
const Provider& xai();
const Provider& azure();
const Provider& vertex();
const Provider& bedrock();
const Provider& openrouter();
const Provider& mistral();
const Provider& cohere();
const Provider& groq();
const Provider& deepseek();
const Provider& perplexity();
const Provider& together();
const Provider& cerebras();
const Provider& huggingface();
const Provider& voyage();
const Provider& watsonx();
const Provider& writer();
const Provider& replicate();
const Provider& ollama();
const Provider& moonshot();
const Provider& zai();
const Provider& alibaba();
const Provider& copilot();
const Provider& crusoe();
const Provider& deepgram();
const Provider& heroku();
const Provider& portkey();
const Provider& fireworks();
const Provider& github_models();
const Provider& minimax();
const Provider& nebius();
const Provider& nvidia();
const Provider& sambanova();
const Provider& vercel();

// All built-in rows, in order of look-up. What the config adds: meter/custom_providers.h.
std::span<const Provider* const> all_providers();

// Who answers at this host (lower case); both null when nobody we know.
struct HostMatch {
    const Provider* provider = nullptr;
    const Host* host = nullptr;
};
HostMatch find_host(std::string_view host);

// Whether `host` is one of those that the name of a row stands for, in any region.
bool matches_host(std::string_view name, std::string_view host);

// The domains of a row as the root's constraints and HostList have them, each with everything
// below it: the name itself, the domain behind "*.", or one name for each region.
std::vector<std::string> domains_of(const Host& host);

// The metered endpoint for a method and a path without query; null when it is not metered. Slashes
// that a client doubled at the start count once, as servers take them.
const Endpoint* find_endpoint(const Host& host, std::string_view method, std::string_view path);

// Whether `path` has the form of an endpoint's path; `model` becomes what stands at {model}.
bool matches_path(std::string_view pattern, std::string_view path, std::string_view& model);

}  // namespace halton::meter
