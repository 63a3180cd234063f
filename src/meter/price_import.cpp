#include "meter/price_import.h"

#include <array>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/money.h"
#include "base/text.h"

namespace halton::meter {

namespace {

struct ProviderName {
    std::string_view theirs;
    std::string_view ours;
};
constexpr std::array provider_names{
    ProviderName{"anthropic", "anthropic"},
    ProviderName{"openai", "openai"},
    ProviderName{"text-completion-openai", "openai"},
    ProviderName{"gemini", "gemini"},
    ProviderName{"vertex_ai", "vertex"},
    ProviderName{"azure", "azure"},
    ProviderName{"azure_ai", "azure"},
    ProviderName{"azure_text", "azure"},
    ProviderName{"bedrock", "bedrock"},
    ProviderName{"bedrock_converse", "bedrock"},
    ProviderName{"xai", "xai"},
    ProviderName{"mistral", "mistral"},
    ProviderName{"cohere", "cohere"},
    ProviderName{"cohere_chat", "cohere"},
    ProviderName{"groq", "groq"},
    ProviderName{"deepseek", "deepseek"},
    ProviderName{"perplexity", "perplexity"},
    ProviderName{"together_ai", "together"},
    ProviderName{"cerebras", "cerebras"},
    ProviderName{"fireworks_ai", "fireworks"},
    ProviderName{"fireworks_ai-embedding-models", "fireworks"},
    ProviderName{"voyage", "voyage"},
    ProviderName{"moonshot", "moonshot"},
    ProviderName{"zai", "zai"},
    ProviderName{"dashscope", "alibaba"},
    ProviderName{"watsonx", "watsonx"},
    ProviderName{"replicate", "replicate"},
    ProviderName{"huggingface", "huggingface"},
    ProviderName{"openrouter", "openrouter"},
    ProviderName{"ollama", "ollama"},
};

std::string_view find_provider(std::string_view theirs) {
    for (const ProviderName& row : provider_names) {
        if (row.theirs == theirs) return row.ours;
    }
    // "vertex_ai-anthropic_models", "vertex_ai-language-models", ...
    return theirs.starts_with("vertex_ai-") ? "vertex" : "";
}

struct RateName {
    std::string_view theirs;
    Rate ours;
};
// Longer names before those they begin with.
constexpr std::array rate_names{
    RateName{"cache_creation_input_token_cost_above_1hr", Rate::cache_write_1h},
    RateName{"cache_creation_input_token_cost", Rate::cache_write},
    RateName{"cache_read_input_token_cost", Rate::cache_read},
    RateName{"cache_read_input_audio_token_cost", Rate::audio_cache_read},
    RateName{"input_cost_per_audio_token", Rate::audio_input},
    RateName{"output_cost_per_audio_token", Rate::audio_output},
    RateName{"input_cost_per_image_token", Rate::image_input},
    RateName{"output_cost_per_image_token", Rate::image_output},
    RateName{"output_cost_per_reasoning_token", Rate::reasoning_output},
    RateName{"input_cost_per_token", Rate::input},
    RateName{"output_cost_per_token", Rate::output},
};

struct Place {
    std::int64_t above_tokens = -1;
    Tier tier = Tier::standard;
};

// What stands behind the name: "", "_batches", "_priority", "_above_200k_tokens", or both.
std::optional<Place> read_place(std::string_view rest) {
    static constexpr std::array<std::pair<std::string_view, Tier>, 3> tiers{
        {{"_batches", Tier::batch}, {"_flex", Tier::flex}, {"_priority", Tier::priority}}};
    Place place;
    for (const auto& [end, tier] : tiers) {
        if (!rest.ends_with(end)) continue;
        place.tier = tier;
        rest.remove_suffix(end.size());
    }
    if (rest.empty()) return place;
    static constexpr std::string_view begin = "_above_";
    static constexpr std::string_view end = "k_tokens";
    if (!rest.starts_with(begin) || !rest.ends_with(end)) return std::nullopt;
    if (rest.size() <= begin.size() + end.size()) return std::nullopt;
    const auto thousands =
        parse_decimal(rest.substr(begin.size(), rest.size() - begin.size() - end.size()));
    if (!thousands || *thousands == 0 || *thousands > 1'000'000) return std::nullopt;
    place.above_tokens = static_cast<std::int64_t>(*thousands) * 1000;
    return place;
}

// USD for one as nano-dollars for a thousand. At most a dollar for a token, a thousand for a unit.
std::optional<std::int64_t> to_price(JsonView value, double most) {
    const auto dollars = value.as_number();
    if (!dollars || *dollars < 0 || *dollars > most) return std::nullopt;
    return scale_decimal(*dollars, 12);
}

PriceBand& band_at(PriceRow& row, std::int64_t above_tokens) {
    auto place = row.bands.begin();
    while (place != row.bands.end() && place->above_tokens < above_tokens) ++place;
    if (place == row.bands.end() || place->above_tokens != above_tokens) {
        place = row.bands.insert(place, PriceBand{above_tokens, {}});
    }
    return *place;
}

// What a step does not list keeps its relation to the input.
void complete_steps(PriceRow& row) {
    const Rates base = row.bands.front().rates[0];
    if (!base.has(Rate::input) || base.get(Rate::input) == 0) return;
    for (std::size_t i = 1; i < row.bands.size(); ++i) {
        Rates& step = row.bands[i].rates[0];
        if (!step.has(Rate::input)) step.set(Rate::input, base.get(Rate::input));
        for (std::size_t k = 0; k < rate_count; ++k) {
            const auto rate = static_cast<Rate>(k);
            if (step.has(rate) || !base.has(rate)) continue;
            __extension__ using Wide = __int128;
            const Wide product = Wide{base.get(rate)} * step.get(Rate::input);
            const Wide scaled = (product + base.get(Rate::input) / 2) / base.get(Rate::input);
            // Prices that far apart are no relation to keep.
            if (scaled <= rate_nanousd_max) step.set(rate, static_cast<std::int64_t>(scaled));
        }
    }
}

// Reads the prices of an entry. What is wrong with it, or nothing.
std::optional<std::string> read_prices(JsonView entry, PriceRow& row) {
    const std::string_view mode = entry["mode"].as_string().value_or("");
    row.bands.emplace_back();
    bool is_good = true;
    bool is_any = false;
    entry.for_each_member([&](std::string_view key, JsonView value) {
        if (value.is_null()) return;
        for (const RateName& name : rate_names) {
            if (!key.starts_with(name.theirs)) continue;
            const auto place = read_place(key.substr(name.theirs.size()));
            if (!place) continue;
            if (const auto price = to_price(value, 1)) {
                band_at(row, place->above_tokens)
                    .rates[static_cast<std::size_t>(place->tier)]
                    .set(name.ours, *price);
                is_any = true;
            } else {
                is_good = false;
            }
            return;
        }
    });
    const auto unit = [&](std::string_view key, Unit ours) {
        if (!entry[key].is_present() || entry[key].is_null()) return false;
        const auto price = to_price(entry[key], 1000);
        if (!price) return is_good = false;
        row.units.set(ours, *price);
        return is_any = true;
    };
    unit("input_cost_per_query", Unit::query);
    unit("ocr_cost_per_page", Unit::page);
    const bool has_text = row.bands.front().rates[0].get(Rate::output) > 0;
    if (mode == "audio_transcription") unit("input_cost_per_second", Unit::second);
    if (mode == "audio_speech" && !has_text) unit("input_cost_per_character", Unit::character);
    if (mode == "image_generation" && !has_text && !unit("output_cost_per_image", Unit::image)) {
        unit("input_cost_per_image", Unit::image);
    }
    const JsonView searches = entry["search_context_cost_per_query"];
    const auto middle = to_price(searches["search_context_size_medium"], 1000);
    if (middle) {
        row.web_search_nanousd = *middle / 1000;
        row.is_fee_varying = searches["search_context_size_low"].as_number() !=
                                 searches["search_context_size_high"].as_number() ||
                             row.provider == "gemini" || row.provider == "vertex";
    }
    if (!is_good) return "a price out of range";
    if (!is_any) return "no price for anything that answers count";
    complete_steps(row);
    return std::nullopt;
}

// The model's id without the provider that LiteLLM puts before it.
std::string_view to_model(std::string_view key, std::string_view provider) {
    for (const std::string_view prefix :
         {provider, std::string_view("vertex_ai"), std::string_view("bedrock"),
          std::string_view("azure"), std::string_view("cohere")}) {
        if (key.size() > prefix.size() + 1 && key.starts_with(prefix) &&
            key[prefix.size()] == '/') {
            return key.substr(prefix.size() + 1);
        }
    }
    return key;
}

void skip(PriceImport& import, const std::string& why, std::string_view key) {
    constexpr std::size_t examples_max = 3;
    PriceImport::Skipped& skipped = import.skipped[why];
    ++skipped.count;
    if (skipped.examples.size() < examples_max) skipped.examples.push_back(to_safe_text(key, 80));
}

}  // namespace

Result<PriceImport> import_litellm(std::string_view json, std::string_view date) {
    if (json.size() > limits::price_import_bytes_max) {
        return fail(ErrorKind::too_large, "the price file is larger than 32 MiB");
    }
    JsonParser parser;
    const auto parsed = parser.parse(json);
    if (!parsed || !parsed->is_object()) {
        return fail(ErrorKind::malformed, "not a JSON object of models and their prices");
    }
    PriceImport import;
    import.text = fmt::format("{{\"format\":1,\"date\":\"{}\"}}\n", date);
    std::set<std::pair<std::string, std::string>> known;
    parsed->for_each_member([&](std::string_view key, JsonView entry) {
        if (key == "sample_spec") return;
        if (!entry.is_object()) return skip(import, "not an object", key);
        const std::string_view theirs = entry["litellm_provider"].as_string().value_or("");
        const std::string_view ours = find_provider(theirs);
        if (ours.empty()) return skip(import, "a provider that is not metered", key);
        PriceRow row;
        row.provider = ours;
        row.model = to_model(key, theirs);
        if (row.model.size() > limits::model_bytes_max || row.model == "*" ||
            to_safe_text(row.model, limits::model_bytes_max) != row.model) {
            return skip(import, "a name that no model can have", key);
        }
        if (const auto wrong = read_prices(entry, row)) return skip(import, *wrong, key);
        if (import.row_count >= limits::price_import_rows_max) {
            return skip(import, "beyond the number of rows that is read", key);
        }
        if (!known.emplace(row.provider, row.model).second) {
            return skip(import, "a second price for the same model", key);
        }
        import.text += to_price_line(row) + '\n';
        ++import.row_count;
    });
    if (import.row_count == 0) {
        return fail(ErrorKind::malformed, "no entry with a provider and a price that we know");
    }
    return import;
}

std::vector<PriceOverride> to_overrides(const std::vector<config::PriceOverride>& entries) {
    const auto to_day = [](const std::string& text) { return parse_iso8601(text + "T00:00:00Z"); };
    std::vector<PriceOverride> overrides;
    for (const config::PriceOverride& entry : entries) {
        PriceOverride made;
        made.provider = entry.provider;
        made.model = entry.model;
        made.above_tokens = entry.above_tokens;
        for (std::size_t i = 0; i < tier_count; ++i) {
            if (name_of(static_cast<Tier>(i)) == entry.tier) made.tier = static_cast<Tier>(i);
        }
        if (const auto day = to_day(entry.first_day)) made.from = *day;
        if (const auto day = to_day(entry.last_day)) made.until = *day + std::chrono::hours(24);
        for (const auto& price : entry.prices) {
            for (std::size_t i = 0; i < rate_count; ++i) {
                const auto rate = static_cast<Rate>(i);
                if (name_of(rate) == price.name) made.rates.set(rate, price.nanousd_per_thousand);
            }
        }
        overrides.push_back(std::move(made));
    }
    return overrides;
}

}  // namespace halton::meter
