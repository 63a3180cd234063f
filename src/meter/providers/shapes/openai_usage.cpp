#include "meter/providers/shapes/openai_usage.h"

#include <optional>

#include "base/money.h"

namespace halton::meter::shapes {

namespace {

// A million dollars for one call is a misreading.
constexpr std::int64_t stated_cost_nanousd_max = 1'000'000'000'000'000;

JsonView first_of(JsonView object, std::string_view a, std::string_view b) {
    const JsonView value = object[a];
    return value.is_present() ? value : object[b];
}

// What the answer says it cost: xAI in units of 1e-10 dollar, OpenRouter in dollars (with the own
// key's bill at the upstream beside it), Perplexity as a list of dollars with its total.
void read_stated_cost(JsonView usage, Reading& reading) {
    if (const auto ticks = usage["cost_in_usd_ticks"].as_integer(); ticks && *ticks >= 0) {
        reading.reported_cost = NanoUsd{*ticks / 10 + (*ticks % 10 >= 5 ? 1 : 0)};
        return;
    }
    const JsonView cost = usage["cost"];
    const auto dollars = cost.is_object() ? cost["total_cost"].as_number() : cost.as_number();
    auto nanousd = dollars ? scale_decimal(*dollars, 9) : std::nullopt;
    if (!nanousd || *nanousd < 0) return;
    if (usage["is_byok"].as_bool() == true) {
        // What the key's owner pays upstream is the gateway's reckoning, not a bill.
        reading.is_reported_cost_reckoned = true;
        const auto upstream = usage["cost_details"]["upstream_inference_cost"].as_number();
        // Added up before the one rounding: both in 1e-15 dollar first.
        const auto own = scale_decimal(*dollars, 15);
        const auto theirs = upstream ? scale_decimal(*upstream, 15) : std::nullopt;
        if (!own || !theirs || *theirs < 0) return;
        nanousd = (*own + *theirs + 500'000) / 1'000'000;
    }
    if (*nanousd > stated_cost_nanousd_max) return;
    reading.reported_cost = NanoUsd{*nanousd};
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
    read_stated_cost(usage, reading);
    if (!input.is_present() && !output.is_present() && !seconds.is_present()) return;
    counts.input = to_count(input);
    counts.output = to_count(output);
    counts.audio_input_ms = to_count(seconds) * 1000;

    const JsonView in = first_of(usage, "prompt_tokens_details", "input_tokens_details");
    const JsonView transcribed = usage["input_token_details"];  // the transcription spelling
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

    reading.usage = counts;
    reading.has_usage = true;
    // Tools that the provider runs are charged per use.
    if (to_count(usage["num_server_side_tools_used"]) > 0 ||
        to_count(usage["num_sources_used"]) > 0) {
        reading.has_unpriced_part = true;
    }
}

}  // namespace halton::meter::shapes
