#include "meter/call_start.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/limits.h"
#include "base/text.h"
#include "base/uuid.h"
#include "http/websocket.h"
#include "meter/custom_providers.h"
#include "meter/plan.h"
#include "meter/redaction.h"

namespace halton::meter {
namespace {

// The text with %XX undone, as a path names its model.
std::string decode_percent(std::string_view text) {
    const auto value_of = [](char c) {
        c = to_lower(c);
        if (c >= '0' && c <= '9') return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_coded = text[i] == '%' && i + 2 < text.size() && value_of(text[i + 1]) >= 0 &&
                              value_of(text[i + 2]) >= 0;
        if (!is_coded) {
            out += text[i];
            continue;
        }
        out += static_cast<char>(value_of(text[i + 1]) * 16 + value_of(text[i + 2]));
        i += 2;
    }
    return out;
}

// "attempt=2; max=3" of the AWS SDKs: one retry.
std::optional<int> read_aws_retries(std::string_view text) {
    static constexpr std::string_view mark = "attempt=";
    const std::size_t at = text.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    text.remove_prefix(at + mark.size());
    const std::size_t count = text.find_first_not_of("0123456789");
    const auto attempt = parse_decimal(text.substr(0, count));
    if (!attempt || *attempt == 0 || *attempt > 1000) return std::nullopt;
    return static_cast<int>(*attempt) - 1;
}

// Retries are told by what the client says of them, never by what calls look like.
void read_retry(const http::HeaderList& headers, CallRecord& record) {
    if (const std::string* count = headers.find("x-stainless-retry-count")) {
        const auto number = parse_decimal(*count);
        if (number && *number <= 1000) record.retry_count = static_cast<int>(*number);
    } else if (const std::string* attempt = headers.find("amz-sdk-request")) {
        record.retry_count = read_aws_retries(*attempt);
    }
    static constexpr std::array<std::string_view, 3> id_headers{
        "idempotency-key", "x-client-request-id", "amz-sdk-invocation-id"};
    for (const std::string_view name : id_headers) {
        if (const std::string* id = headers.find(name)) {
            record.client_request_id = to_safe_text(*id, limits::request_id_bytes_max);
            return;
        }
    }
}

}  // namespace

HostMatch find_place(const ConnectionFacts& facts) {
    return (facts.providers != nullptr ? *facts.providers : built_in_providers())
        .find_host(facts.host);
}

std::optional<CallStart> start_call(const ConnectionFacts& facts, const HostMatch& place,
                                    const http::RequestHead& head, const Clock& clock) {
    const std::string_view path = http::path_of(head.target);
    const Endpoint* endpoint = find_endpoint(*place.host, head.method, path);
    if (endpoint == nullptr) return std::nullopt;
    if (endpoint->socket != nullptr && !http::is_websocket_upgrade(head.headers))
        return std::nullopt;

    CallStart start{endpoint, {}};
    CallRecord& record = start.record;
    record.id = make_uuid();
    record.requested_at = clock.now_utc();
    record.provider = place.provider->id;
    record.kind = endpoint->kind;
    record.method = head.method;
    record.host = facts.host;
    record.path = to_safe_text(path, limits::path_bytes_max);
    if (const std::string* agent = head.headers.find("user-agent")) {
        record.user_agent = to_safe_text(*agent, limits::user_agent_bytes_max);
    }
    read_retry(head.headers, record);
    std::string_view model;
    const std::size_t slash = path.find_first_not_of('/');
    if (matches_path(endpoint->path, path.substr(slash > 0 && slash < path.size() ? slash - 1 : 0),
                     model)) {
        record.requested_model = to_safe_text(decode_percent(model), limits::model_bytes_max);
    }
    record.project_slug = facts.project_slug;
    record.attribution_layer = facts.attribution_layer;
    record.source_workdir = facts.source_workdir;
    record.project_folder = facts.project_folder;
    record.git_branch = facts.git_branch;
    record.client = read_client_signals(head.headers, facts.program);
    switch (endpoint->billing) {
        case Billing::free: record.billing = BillingMode::free; break;
        case Billing::deferred: record.billing = BillingMode::deferred; break;
        default:
            if (is_plan_call(facts.host, head.headers)) record.billing = BillingMode::plan;
    }
    return start;
}

void redact_words(CallRecord& record) {
    ClientSignals& client = record.client;
    for (std::string* word :
         {&record.model, &record.requested_model, &record.path, &record.user_agent,
          &record.service_tier, &record.speed, &record.region, &record.provider_request_id,
          &record.client_request_id, &client.tool, &client.version, &client.session_id,
          &client.thread_id, &client.turn_id, &client.agent_name, &record.git_branch})
        redact_word(*word);
    if (record.error) redact_word(record.error->provider_code);
}

}  // namespace halton::meter
