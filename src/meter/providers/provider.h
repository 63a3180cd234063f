// The provider table: who answers at which host, which of its paths are metered and how, and
// what its errors mean. A new provider is one file with one row, its line in table.cpp, and a
// folder of fixtures. How the paths map is written down in src/meter/README.md.
#pragma once

#include <span>
#include <string_view>

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
};

struct Endpoint {
    std::string_view method;
    // Exact, except that '*' and '{model}' stand for one or more bytes without '/' and ':'.
    std::string_view path;
    RequestKind kind = RequestKind::chat;
    Billing billing = Billing::tokens;
    const Shape* shape = nullptr;
    bool is_stream = false;  // the path alone says that the answer is a stream
    // An upgrade to a WebSocket (method GET), whose turns are the calls. The shape is that of a
    // refusal.
    const SocketShape* socket = nullptr;
};

// One line of an error table; the first that matches wins, so narrow lines come first.
struct ErrorRule {
    int status = 0;          // 0: any
    std::string_view code;   // native code or type; empty: any
    std::string_view text;   // must occur in the message or reason, without case; empty: any
    ErrorClass error_class = ErrorClass::unknown;
    bool is_retryable = false;
};

struct Host {
    std::string_view name;
    std::span<const Endpoint> endpoints;
};

struct Provider {
    std::string_view id;  // as in rows
    std::span<const Host> hosts;
    std::span<const ErrorRule> errors;
    // Response headers with the provider's id of the call, in order of preference.
    std::span<const std::string_view> request_id_headers;
};

// One accessor per file.
const Provider& anthropic();
const Provider& openai();
const Provider& gemini();
const Provider& xai();

// All rows, in order of look-up.
std::span<const Provider* const> all_providers();

// Who answers at this host (lower case); both null when nobody we know.
struct HostMatch {
    const Provider* provider = nullptr;
    const Host* host = nullptr;
};
HostMatch find_host(std::string_view host);

// The metered endpoint for a method and a path without query; null when it is not metered.
const Endpoint* find_endpoint(const Host& host, std::string_view method, std::string_view path);

// Whether `path` has the form of an endpoint's path; `model` becomes what stands at {model}.
bool matches_path(std::string_view pattern, std::string_view path, std::string_view& model);

}  // namespace halton::meter
