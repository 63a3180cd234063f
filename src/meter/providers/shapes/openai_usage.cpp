#include "meter/providers/shapes/openai_usage.h"

namespace halton::meter::shapes {

namespace {

JsonView first_of(JsonView object, std::string_view a, std::string_view b) {
    const JsonView value = object[a];
    return value.is_present() && !value.is_null() ? value : object[b];
}

// OpenRouter: a number, without what the customer's own key is charged behind it. Perplexity: an
// object. xAI: units of 1e-10 dollar.
void read_cost(JsonView usage, Reading& reading) {
    if (const auto ticks = usage["cost_in_usd_ticks"].as_integer(); ticks && *ticks >= 0) {
        reading.reported_cost = NanoUsd{*ticks / 10 + (*ticks % 10 >= 5 ? 1 : 0)};
    }
    const JsonView cost = usage["cost"];
    const auto charged = to_nanousd(cost.is_object() ? cost["total_cost"] : cost);
    if (!charged) return;
    reading.reported_cost = charged;
    if (usage["is_byok"].as_bool() != true) return;
    // What the key's owner pays upstream is the gateway's reckoning, not a bill.
    reading.is_reported_cost_reckoned = true;
    const auto behind = to_nanousd(usage["cost_details"]["upstream_inference_cost"]);
    if (behind)
        *reading.reported_cost = *charged + *behind;
    else
        reading.reported_cost.reset();
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
    read_cost(usage, reading);
    // Embeddings and rerank of some count a total only.
    const bool is_total = !input.is_present() && !output.is_present() && !seconds.is_present();
    if (is_total && !usage["total_tokens"].as_integer()) return;
    counts.input = to_count(is_total ? usage["total_tokens"] : input);
    counts.output = to_count(output);
    counts.audio_input_ms = to_count(seconds) * 1000;

    const JsonView in = first_of(usage, "prompt_tokens_details", "input_tokens_details");
    const JsonView transcribed = usage["input_token_details"];  // speech, and Realtime
    counts.cache_read = to_count(in["cached_tokens"]);
    // Beside the details, or instead of them: Moonshot and Together, Mistral, DeepSeek.
    for (const std::string_view key :
         {"cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens"}) {
        if (counts.cache_read == 0) counts.cache_read = to_count(usage[key]);
    }
    counts.cache_write =
        to_count(first_of(in, "cache_write_tokens", "cache_creation_input_tokens"));
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
    // Speech is charged by the second beside its tokens, which count it in a way of their own.
    if (to_count(usage["prompt_audio_seconds"]) > 0) reading.has_unpriced_part = true;
    // Tools that the provider runs are charged per use.
    if (to_count(usage["num_server_side_tools_used"]) > 0 ||
        to_count(usage["num_sources_used"]) > 0) {
        reading.has_unpriced_part = true;
    }
}

}  // namespace halton::meter::shapes
