// What one metered call is: the values of its row. Pure data; no I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "meter/client_signals.h"

namespace halton::meter {

struct CallBodies;

// Token counts as the ledger's columns mean them, after the provider's own rules are undone:
//   input = what the provider reports as input (its own meaning, see input_includes_cache),
//   output = what it reports as output. Buckets for pricing are derived in pricing.cpp.
struct TokenUsage {
    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t reasoning = 0;       // column thinking_tokens
    std::int64_t cache_read = 0;
    std::int64_t cache_write = 0;     // all cache writes
    std::int64_t cache_write_1h = 0;  // the part of cache_write with the one-hour lifetime
    std::int64_t audio_input = 0;     // parts of input and output
    std::int64_t audio_output = 0;
    std::int64_t image_input = 0;
    std::int64_t image_output = 0;
    std::int64_t tool_input = 0;          // charged as input on top (Gemini tool-use prompt)
    std::int64_t audio_input_ms = 0;      // speech that is counted in time instead of tokens
    std::int64_t web_search_count = 0;    // per-call fees
    bool input_includes_cache = false;    // true: cache_read is a part of input (OpenAI, Gemini)
    bool output_includes_reasoning = true;  // false: reasoning is billed on top (Gemini, xAI chat)
    bool has_cache_write_split = false;   // the answer says what cache_write_1h is, even if nothing
    // What some models are charged by instead of tokens.
    std::int64_t query_count = 0;      // rerank: search units
    std::int64_t page_count = 0;       // documents read
    std::int64_t image_count = 0;      // images made, or embedded
    std::int64_t character_count = 0;  // speech from text
    // The parts of cache_read that are sound and pictures, where the answer tells them apart.
    std::int64_t audio_cache_read = 0;
    std::int64_t image_cache_read = 0;
    bool has_cache_modalities = false;  // it does, even if there are none
    bool operator==(const TokenUsage&) const = default;
};

enum class RequestKind { chat, embedding, image, audio, realtime, other };
std::string_view name_of(RequestKind kind);

// How far the money can be trusted. `unknown` goes with an absent cost.
enum class CostState { exact, estimated, unknown };
std::string_view name_of(CostState state);

// Who pays for a call, and how.
enum class BillingMode {
    metered,   // by use
    plan,      // covered by a subscription: its cost is what the use would have cost
    free,      // never charged
    deferred,  // charged later elsewhere (batches)
};
std::string_view name_of(BillingMode mode);
// Nothing for any other word.
std::optional<BillingMode> parse_billing_mode(std::string_view name);

// A call inside the call, billed at its own model's price.
struct SubCall {
    std::string model;  // empty: the model of the call
    TokenUsage usage;
    bool operator==(const SubCall&) const = default;
};

// How full a window of a subscription is, as the provider says.
struct PlanLimit {
    std::string name;    // "5h", "7d", "overage"; "codex primary"
    std::string plan;    // "pro"; empty: not told
    std::string status;  // "allowed", "rejected"; empty: not told
    std::optional<double> used_fraction;  // 0 to 1, above 1 with overdraft
    std::optional<UtcTime> resets_at;
    std::int64_t window_minutes = 0;  // 0: not told
    bool operator==(const PlanLimit&) const = default;
};

// The ten local error classes of the error page.
enum class ErrorClass {
    rate_limit,
    server_error,
    bad_request,
    auth,
    timeout,
    network,
    unknown,
    permission,
    quota_exceeded,
    context_length_exceeded,
};
std::string_view name_of(ErrorClass error_class);
// Ten local classes to seven on the wire; an unknown word passes unchanged.
std::string_view to_wire_class(std::string_view local_class);

struct CallError {
    ErrorClass error_class = ErrorClass::unknown;
    std::string provider_code;  // native code, at most error_code_bytes_max
    bool is_retryable = false;
    std::string message_hash;  // lower-case hex SHA-256 of the provider's message, or empty
};

struct CallRecord {
    std::string id;  // UUID v4, made by the observer
    UtcTime requested_at;
    std::string provider;      // "anthropic", "openai", "gemini", "xai"
    std::string model;         // as the provider returned it, else as requested, else empty
    std::string requested_model;
    std::string mode;          // "standard" or "streaming"
    RequestKind kind = RequestKind::chat;
    std::string method;
    std::string host;
    std::string path;          // without the query
    TokenUsage usage;
    bool has_usage = false;    // the provider reported counts at all
    bool tokens_complete = false;
    std::optional<NanoUsd> cost;
    CostState cost_state = CostState::unknown;
    std::string rates_source;  // "bundled-YYYY-MM-DD", "override", "provider", or empty
    std::string service_tier;  // as the response names it
    double latency_ms = 0;
    std::optional<double> time_to_first_byte_ms;
    std::string status;        // "success", "error", "aborted"
    int http_status = 0;       // 0: no response head
    std::optional<CallError> error;
    std::string provider_request_id;
    std::string user_agent;
    std::string project_slug;
    std::string attribution_layer;
    std::string source_workdir;
    BillingMode billing = BillingMode::metered;
    std::string price_id;    // the price row, "provider/model@first day"; empty: no list price
    std::string price_date;  // of the list that has the row, "2026-08-21"
    std::optional<NanoUsd> provider_cost;  // what the answer states, whether or not it is taken
    std::string speed;                     // a faster mode with its own price
    std::string region;                    // where it ran, when that has a price
    bool has_unpriced_part = false;        // something is charged that no count tells
    std::vector<SubCall> sub_calls;        // when present they are the bill, instead of `usage`
    std::vector<PlanLimit> plan_limits;    // seen with this call; not a part of its row
    // What the provider states has somebody's estimate in it: the bill of an own key.
    bool is_provider_cost_reckoned = false;
    // How often the client had tried before, as it says itself; nothing when it does not say.
    std::optional<int> retry_count;
    // The client's own id of the call, which its retries share; empty when it sends none.
    std::string client_request_id;
    ClientSignals client;        // the tool, and what it says of its sessions
    std::string git_branch;      // of the project's folder when the client connected
    std::string project_folder;  // the folder that goes by the slug; empty: none does
};

// Port: where finished calls go. Never blocks, never throws; a full sink drops and counts.
class CallSink {
public:
    virtual ~CallSink() = default;
    virtual void offer(CallRecord call) noexcept = 0;
    // With the bodies of the call, where they are wanted; they are never null. Who has no place for
    // them takes the row.
    virtual void offer_with_bodies(CallRecord call, std::unique_ptr<CallBodies> bodies) noexcept;
};

}  // namespace halton::meter
