#include "meter/providers/shapes/openai_usage.h"

namespace halton::meter::shapes {

namespace {

JsonView first_of(JsonView object, std::string_view a, std::string_view b) {
    const JsonView value = object[a];
    return value.is_present() ? value : object[b];
}

}  // namespace

void read_openai_usage(JsonView usage, Reading& reading) {
    if (!usage.is_object()) return;
    TokenUsage counts;
    counts.input_includes_cache = true;
    const JsonView input = first_of(usage, "prompt_tokens", "input_tokens");
    const JsonView output = first_of(usage, "completion_tokens", "output_tokens");
    // Transcriptions may be counted in seconds instead.
    const JsonView seconds = usage["seconds"];
    // xAI states what it charged, in units of 1e-10 dollar.
    if (const auto ticks = usage["cost_in_usd_ticks"].as_integer(); ticks && *ticks >= 0) {
        reading.reported_cost = NanoUsd{*ticks / 10 + (*ticks % 10 >= 5 ? 1 : 0)};
    }
    if (!input.is_present() && !output.is_present() && !seconds.is_present()) return;
    counts.input = to_count(input);
    counts.output = to_count(output);
    counts.audio_input_ms = to_count(seconds) * 1000;

    const JsonView in = first_of(usage, "prompt_tokens_details", "input_tokens_details");
    const JsonView transcribed = usage["input_token_details"];  // speech, and Realtime
    counts.cache_read = to_count(in["cached_tokens"]);
    counts.cache_write = to_count(in["cache_write_tokens"]);
    counts.audio_input = to_count(first_of(in, "audio_tokens", "audio_input_tokens"));
    if (transcribed.is_object()) counts.audio_input = to_count(transcribed["audio_tokens"]);
    counts.image_input = to_count(in["image_tokens"]);

    const JsonView out = first_of(usage, "completion_tokens_details", "output_tokens_details");
    counts.reasoning = to_count(first_of(out, "reasoning_tokens", "thinking_tokens"));
    if (counts.reasoning == 0) counts.reasoning = to_count(usage["reasoning_tokens"]);
    counts.audio_output = to_count(out["audio_tokens"]);
    counts.image_output = to_count(out["image_tokens"]);

    // The Realtime API writes its details in the singular.
    if (transcribed.is_object()) {
        counts.cache_read = to_count(transcribed["cached_tokens"]);
        counts.image_input = to_count(transcribed["image_tokens"]);
    }
    if (const JsonView spoken = usage["output_token_details"]; spoken.is_object()) {
        counts.audio_output = to_count(spoken["audio_tokens"]);
        counts.reasoning = to_count(spoken["reasoning_tokens"]);
    }

    reading.usage = counts;
    reading.has_usage = true;
    // Tools that the provider runs are charged per use.
    if (to_count(usage["num_server_side_tools_used"]) > 0 ||
        to_count(usage["num_sources_used"]) > 0) {
        reading.has_unpriced_part = true;
    }
}

}  // namespace halton::meter::shapes
