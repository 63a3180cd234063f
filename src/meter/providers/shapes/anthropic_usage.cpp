#include "meter/providers/shapes/anthropic_usage.h"

#include "base/limits.h"

namespace halton::meter::shapes {

namespace {

// Counts of one usage object over what is known: a key that is there replaces, one that is not
// leaves. message_start brings input and caches, message_delta the output, and where server
// tools ran, message_delta brings everything again with the final values.
void merge_counts(JsonView usage, TokenUsage& kept) {
    const auto merge = [&](JsonView value, std::int64_t& count) {
        if (value.as_integer()) count = to_count(value);
    };
    merge(usage["input_tokens"], kept.input);
    merge(usage["output_tokens"], kept.output);
    merge(usage["cache_read_input_tokens"], kept.cache_read);
    merge(usage["cache_creation_input_tokens"], kept.cache_write);
    merge(usage["cache_creation"]["ephemeral_1h_input_tokens"], kept.cache_write_1h);
    merge(usage["output_tokens_details"]["thinking_tokens"], kept.reasoning);
    merge(usage["thinking_tokens"], kept.reasoning);
    merge(usage["server_tool_use"]["web_search_requests"], kept.web_search_count);
}

}  // namespace

void read_anthropic_usage(JsonView value, Reading& reading) {
    if (!value.is_object()) return;
    reading.has_usage = true;
    merge_counts(value, reading.usage);
    const auto word = [&](std::string_view key, std::string& kept) {
        if (const auto text = value[key].as_string()) {
            take_text(kept, *text, limits::error_code_bytes_max);
        }
    };
    word("service_tier", reading.service_tier);
    word("speed", reading.speed);
    word("inference_geo", reading.region);
    // Compaction, advisor and fallback are calls of their own and billed so; the totals beside
    // them leave some out.
    const JsonView iterations = value["iterations"];
    if (!iterations.is_array()) return;
    reading.sub_calls.clear();
    iterations.for_each_element([&](JsonView iteration) {
        if (reading.sub_calls.size() == limits::sub_calls_max) {
            reading.has_unpriced_part = true;
            return;
        }
        SubCall& sub_call = reading.sub_calls.emplace_back();
        merge_counts(iteration, sub_call.usage);
        if (const auto name = iteration["model"].as_string()) {
            take_text(sub_call.model, *name, limits::model_bytes_max);
        }
    });
}

}  // namespace halton::meter::shapes
