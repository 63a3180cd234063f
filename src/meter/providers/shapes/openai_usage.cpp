#include "meter/providers/shapes/openai_usage.h"

#include <optional>

#include "base/money.h"

namespace halton::meter::shapes {

namespace {

// A million dollars for one call is a misreading.
constexpr std::int64_t stated_cost_nanousd_max = 1'000'000'000'000'000;

JsonView first_of(JsonView object, std::string_view a, std::string_view b) {
    const JsonView value = object[a];
    return value.is_present() && !value.is_null() ? value : object[b];
}

std::int64_t count_of(std::string_view list, std::string_view word) {
    std::int64_t count = 0;
    for (std::size_t at = 0; (at = list.find(word, at)) != std::string_view::npos; ++count) {
        at += word.size();
    }
    return count;
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
        // Without it the small part is all that is known, and no cost of the call.
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
        const JsonView cached = transcribed["cached_tokens_details"];
        counts.has_cache_modalities = cached.is_object();
        counts.audio_cache_read = to_count(cached["audio_tokens"]);
        counts.image_cache_read = to_count(cached["image_tokens"]);
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

void read_openai_items(std::string_view types, std::string_view actions, Reading& reading) {
    if (types.empty()) return;
    // Of a search only the looking up is charged, not the opening of what it found; the fees of
    // the other tools depend on what no answer tells.
    const std::int64_t opened = count_of(actions, R"("open_page")") +
                                count_of(actions, R"("find_in_page")") +
                                count_of(actions, R"("find")");
    const std::int64_t searches = count_of(types, R"("web_search_call")") - opened;
    if (searches > 0) reading.usage.web_search_count = searches;
    for (const std::string_view tool : {R"("file_search_call")", R"("code_interpreter_call")",
                                        R"("image_generation_call")"}) {
        if (count_of(types, tool) > 0) reading.has_unpriced_part = true;
    }
}

}  // namespace halton::meter::shapes
