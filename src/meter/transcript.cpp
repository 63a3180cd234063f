#include "meter/transcript.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/sha256.h"
#include "base/text.h"
#include "meter/providers/shapes/anthropic_usage.h"

namespace halton::meter {
namespace {

constexpr std::size_t word_bytes_max = 128;
constexpr std::size_t folder_bytes_max = 1024;

std::string to_word(JsonView value, std::size_t bytes_max = word_bytes_max) {
    return to_safe_text(value.as_string().value_or(std::string_view()), bytes_max);
}

std::optional<UtcTime> to_time(JsonView value) {
    const auto text = value.as_string();
    if (!text) return std::nullopt;
    const auto time = parse_iso8601(*text);
    return time ? std::optional(*time) : std::nullopt;
}

void finish(TranscriptCall& found) {
    CallRecord& call = found.call;
    call.id = make_stable_uuid(found.key);
    call.requested_model = call.model;
    call.method = "POST";
    call.mode = "streaming";
    call.status = "success";
    call.http_status = 200;
    call.has_usage = true;
    call.attribution_layer = "import";
    call.source_workdir = found.folder;
}

}  // namespace

std::string_view name_of(TranscriptKind kind) {
    return kind == TranscriptKind::codex ? "codex" : "claude-code";
}

std::optional<TranscriptKind> parse_transcript_kind(std::string_view name) {
    if (name == "claude-code") return TranscriptKind::claude_code;
    if (name == "codex") return TranscriptKind::codex;
    return std::nullopt;
}

std::string make_stable_uuid(std::string_view text) {
    std::string hex = sha256_hex(text).substr(0, 32);
    hex[12] = '8';                                            // a version of one's own making
    hex[16] = "89ab"[static_cast<std::size_t>(hex[16] % 4)];  // the variant
    return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                       hex.substr(16, 4), hex.substr(20));
}

void TranscriptReader::read(std::string_view line) {
    line = trim(line);
    if (line.empty()) return;
    // Most lines are what was said, which is nobody's business here.
    const bool is_wanted = kind_ == TranscriptKind::claude_code
                               ? line.find("\"usage\"") != std::string_view::npos
                               : line.find("token_count") != std::string_view::npos ||
                                     line.find("session_meta") != std::string_view::npos ||
                                     line.find("turn_context") != std::string_view::npos;
    const bool looks_whole = line.front() == '{' && line.back() == '}';
    if (!looks_whole) ++malformed_count_;
    if (!looks_whole || !is_wanted) return;
    const auto parsed = parser_.parse(line);
    if (!parsed || !parsed->is_object()) {
        ++malformed_count_;
        return;
    }
    kind_ == TranscriptKind::claude_code ? read_claude(*parsed) : read_codex(*parsed);
}

// Each piece of an answer is a line with the counts as they were then: the last one of an id
// counts.
void TranscriptReader::read_claude(JsonView line) {
    if (line["type"].as_string() != "assistant") return;
    const JsonView message = line["message"];
    const auto model = to_word(message["model"]);
    // Messages that the tool makes up itself.
    if (!message["usage"].is_object() || model.empty() || model == "<synthetic>") return;
    const auto time = to_time(line["timestamp"]);
    auto request_id = to_word(line["requestId"]);
    const auto message_id = to_word(message["id"]);
    if (!time || (request_id.empty() && message_id.empty())) {
        ++malformed_count_;
        return;
    }
    const auto key = "claude-code " + (request_id.empty() ? message_id : request_id);
    auto known = std::find_if(open_.begin(), open_.end(),
                              [&](const TranscriptCall& each) { return each.key == key; });
    if (known == open_.end()) {
        if (open_.size() >= limits::transcript_open_max) {
            finish(open_.front());
            done_.push_back(std::move(open_.front()));
            open_.pop_front();
        }
        TranscriptCall& fresh = open_.emplace_back();
        known = open_.end() - 1;
        fresh.key = key;
        CallRecord& call = fresh.call;
        call.requested_at = *time;
        call.provider = "anthropic";
        call.host = "api.anthropic.com";
        call.path = "/v1/messages";
        call.provider_request_id = request_id;
        call.client.tool = "claude-code";
        call.client.version = to_word(line["version"]);
        call.client.session_id = to_word(line["sessionId"]);
        call.git_branch = to_word(line["gitBranch"]);
        fresh.folder = to_word(line["cwd"], folder_bytes_max);
    }
    CallRecord& call = known->call;
    Reading reading;
    reading.usage = call.usage;
    shapes::read_anthropic_usage(message["usage"], reading);
    call.model = model;
    call.usage = reading.usage;
    call.service_tier = reading.service_tier;
    call.speed = reading.speed;
    call.region = reading.region;
    call.sub_calls = std::move(reading.sub_calls);
    // Without it the last counts may be those of the answer's beginning.
    if (message["stop_reason"].is_string()) call.tokens_complete = true;
}

// The counts of each answer come after it, with the totals of the session: the same totals once
// more are no new answer.
void TranscriptReader::read_codex(JsonView line) {
    const JsonView payload = line["payload"];
    const auto type = line["type"].as_string();
    if (type == "session_meta") {
        // A fork begins with its own and goes on with a copy of the other's.
        context_.client.session_id = to_word(payload["id"]);
        context_.client.version = to_word(payload["cli_version"]);
        context_.git_branch = to_word(payload["git"]["branch"]);
        folder_ = to_word(payload["cwd"], folder_bytes_max);
        last_total_ = -1;
        return;
    }
    if (type == "turn_context") {
        context_.model = to_word(payload["model"]);
        if (auto folder = to_word(payload["cwd"], folder_bytes_max); !folder.empty())
            folder_ = std::move(folder);
        return;
    }
    if (type != "event_msg" || payload["type"].as_string() != "token_count") return;
    const JsonView info = payload["info"];
    if (!info.is_object()) return;  // limits only
    const JsonView total = info["total_token_usage"];
    const JsonView last = info["last_token_usage"];
    const auto time = to_time(line["timestamp"]);
    const auto total_tokens = total["total_tokens"].as_integer();
    if (!time || !total_tokens || !last.is_object() || context_.client.session_id.empty()) {
        ++malformed_count_;
        return;
    }
    if (*total_tokens == last_total_) return;
    last_total_ = *total_tokens;
    TranscriptCall found;
    found.call = context_;
    found.folder = folder_;
    CallRecord& call = found.call;
    call.requested_at = *time;
    call.provider = "openai";
    call.host = "api.openai.com";
    call.path = "/v1/responses";
    call.client.tool = "codex";
    call.usage.input = to_count(last["input_tokens"]);
    call.usage.cache_read = to_count(last["cached_input_tokens"]);
    call.usage.output = to_count(last["output_tokens"]);
    call.usage.reasoning = to_count(last["reasoning_output_tokens"]);
    call.usage.input_includes_cache = true;
    call.tokens_complete = true;
    // Only an account with a plan is told of one.
    if (payload["rate_limits"]["plan_type"].is_string()) {
        call.billing = BillingMode::plan;
        call.host = "chatgpt.com";
        call.path = "/backend-api/codex/responses";
        found.is_plan_told = true;
    }
    found.key = fmt::format("codex {} {} {} {}", call.client.session_id, *total_tokens,
                            to_count(total["input_tokens"]), to_count(total["output_tokens"]));
    if (call.usage == TokenUsage{.input_includes_cache = true}) return;  // counts nothing
    finish(found);
    done_.push_back(std::move(found));
}

std::vector<TranscriptCall> TranscriptReader::take(bool is_end) {
    if (is_end) {
        for (auto& each : open_) {
            finish(each);
            done_.push_back(std::move(each));
        }
        open_.clear();
    }
    return std::exchange(done_, {});
}

}  // namespace halton::meter
