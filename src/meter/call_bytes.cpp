#include "meter/call_bytes.h"

#include <concepts>
#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

namespace halton::meter {
namespace {

// Raise it with every change of the lists below.
constexpr std::uint32_t field_list_number = 5;

class Packer {
public:
    void operator()(const std::string& text) {
        (*this)(static_cast<std::uint32_t>(text.size()));
        bytes += text;
    }
    template <class Value>
        requires std::is_arithmetic_v<Value> || std::is_enum_v<Value>
    void operator()(const Value& value) {
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    template <class Value>
    void operator()(const std::optional<Value>& value) {
        (*this)(value.has_value());
        if (value) (*this)(*value);
    }
    template <class Value>
    void operator()(const std::vector<Value>& values) {
        (*this)(static_cast<std::uint32_t>(values.size()));
        for (const Value& value : values) (*this)(value);
    }
    void operator()(const UtcTime& time) { (*this)(std::int64_t{time.time_since_epoch().count()}); }
    void operator()(const NanoUsd& amount) { (*this)(amount.value); }
    template <class Record>
    void operator()(const Record& record) {
        each_field(*this, record);
    }

    std::string bytes;
};

class Unpacker {
public:
    explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

    void operator()(std::string& text) {
        std::uint32_t size = 0;
        (*this)(size);
        if (size > rest_.size()) return fail_here();
        text.assign(rest_.substr(0, size));
        rest_.remove_prefix(size);
    }
    void operator()(bool& value) {
        char byte = 0;
        (*this)(byte);
        if (byte != 0 && byte != 1) return fail_here();
        value = byte == 1;
    }
    template <class Value>
        requires std::is_arithmetic_v<Value> || std::is_enum_v<Value>
    void operator()(Value& value) {
        if (sizeof value > rest_.size()) return fail_here();
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_.remove_prefix(sizeof value);
    }
    template <class Value>
    void operator()(std::optional<Value>& value) {
        bool is_there = false;
        (*this)(is_there);
        if (is_there) (*this)(value.emplace());
    }
    template <class Value>
    void operator()(std::vector<Value>& values) {
        std::uint32_t count = 0;
        (*this)(count);
        // Each value has a byte at least, so that a wrong count cannot ask for more than there is.
        if (count > rest_.size()) return fail_here();
        for (; count > 0 && !has_failed_; --count) (*this)(values.emplace_back());
    }
    void operator()(UtcTime& time) {
        std::int64_t count_us = 0;
        (*this)(count_us);
        time = UtcTime(std::chrono::microseconds(count_us));
    }
    void operator()(NanoUsd& amount) { (*this)(amount.value); }
    template <class Record>
    void operator()(Record& record) {
        each_field(*this, record);
    }

    bool is_done() const { return !has_failed_ && rest_.empty(); }

private:
    void fail_here() {
        has_failed_ = true;
        rest_ = {};
    }
    std::string_view rest_;
    bool has_failed_ = false;
};

// The bindings name every member, so that a new one does not compile until it is in the list.
// Const or not, one list packs and unpacks.
template <class Record, class Of>
concept Is = std::same_as<std::remove_const_t<Record>, Of>;

template <class Archive, class... Fields>
void each(Archive& archive, Fields&... fields) {
    (archive(fields), ...);
}

template <class Archive, Is<TokenUsage> Record>
void each_field(Archive& archive, Record& record) {
    auto& [input, output, reasoning, cache_read, cache_write, cache_write_1h, audio_input,
           audio_output, image_input, image_output, tool_input, audio_input_ms, web_search_count,
           input_includes_cache, output_includes_reasoning, has_cache_write_split, query_count,
           page_count, image_count, character_count, audio_cache_read, image_cache_read,
           has_cache_modalities] = record;
    each(archive, input, output, reasoning, cache_read, cache_write, cache_write_1h, audio_input,
         audio_output, image_input, image_output, tool_input, audio_input_ms, web_search_count,
         input_includes_cache, output_includes_reasoning, has_cache_write_split, query_count,
         page_count, image_count, character_count, audio_cache_read, image_cache_read,
         has_cache_modalities);
}

template <class Archive, Is<CallError> Record>
void each_field(Archive& archive, Record& record) {
    auto& [error_class, provider_code, is_retryable, message_hash] = record;
    each(archive, error_class, provider_code, is_retryable, message_hash);
}

template <class Archive, Is<SubCall> Record>
void each_field(Archive& archive, Record& record) {
    auto& [model, usage] = record;
    each(archive, model, usage);
}

template <class Archive, Is<PlanLimit> Record>
void each_field(Archive& archive, Record& record) {
    auto& [name, plan, status, used_fraction, resets_at, window_minutes] = record;
    each(archive, name, plan, status, used_fraction, resets_at, window_minutes);
}

template <class Archive, Is<ClientSignals> Record>
void each_field(Archive& archive, Record& record) {
    auto& [tool, version, session_id, thread_id, turn_id, agent_name] = record;
    each(archive, tool, version, session_id, thread_id, turn_id, agent_name);
}

template <class Archive, Is<CallRecord> Record>
void each_field(Archive& archive, Record& record) {
    auto& [id, requested_at, provider, model, requested_model, mode, kind, method, host, path,
           usage, has_usage, tokens_complete, cost, cost_state, rates_source, service_tier,
           latency_ms, time_to_first_byte_ms, status, http_status, error, provider_request_id,
           user_agent, project_slug, attribution_layer, source_workdir, billing, price_id,
           price_date, provider_cost, speed, region, has_unpriced_part, sub_calls, plan_limits,
           is_provider_cost_reckoned, retry_count, client_request_id, client, git_branch,
           project_folder] = record;
    each(archive, id, requested_at, provider, model, requested_model, mode, kind, method, host,
         path, usage, has_usage, tokens_complete, cost, cost_state, rates_source, service_tier,
         latency_ms, time_to_first_byte_ms, status, http_status, error, provider_request_id,
         user_agent, project_slug, attribution_layer, source_workdir, billing, price_id, price_date,
         provider_cost, speed, region, has_unpriced_part, sub_calls, plan_limits,
         is_provider_cost_reckoned, retry_count, client_request_id, client, git_branch,
         project_folder);
}

template <class Enum>
bool is_one_of(Enum value, Enum last) {
    return static_cast<int>(value) >= 0 && static_cast<int>(value) <= static_cast<int>(last);
}

bool has_known_words(const CallRecord& call) {
    return is_one_of(call.kind, RequestKind::other) &&
           is_one_of(call.cost_state, CostState::unknown) &&
           is_one_of(call.billing, BillingMode::deferred) &&
           (!call.error ||
            is_one_of(call.error->error_class, ErrorClass::context_length_exceeded));
}

}  // namespace

std::string to_bytes(const CallRecord& call) {
    Packer packer;
    packer.bytes.reserve(768);
    packer(field_list_number);
    packer(call);
    return std::move(packer.bytes);
}

Result<CallRecord> parse_call_bytes(std::string_view bytes) {
    Unpacker unpacker(bytes);
    std::uint32_t number = 0;
    unpacker(number);
    if (number != field_list_number)
        return fail(ErrorKind::unsupported, "a call of another version of the program");
    CallRecord call;
    unpacker(call);
    if (!unpacker.is_done() || !has_known_words(call))
        return fail(ErrorKind::malformed, "not the bytes of a call");
    return call;
}

}  // namespace halton::meter
