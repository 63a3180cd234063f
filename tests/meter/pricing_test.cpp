#include "meter/pricing.h"

#include <string>

#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

UtcTime on(const std::string& day) { return *parse_iso8601(day + "T12:00:00Z"); }

PriceQuery query(std::string_view provider, std::string_view model,
                 std::string_view tier = {}, const std::string& day = "2026-08-21") {
    return {provider, model, RequestKind::chat, tier, on(day)};
}

// Nano-dollars, -1 when there is no price.
std::int64_t cost(const PriceQuery& asked, const TokenUsage& usage) {
    const auto priced = PriceBook::bundled().price(asked, usage);
    return priced ? priced->cost.value : -1;
}

TokenUsage tokens(std::int64_t input, std::int64_t output) {
    TokenUsage usage;
    usage.input = input;
    usage.output = output;
    return usage;
}

PriceBook book(const std::string& rows) {
    return *PriceBook::parse("{\"format\":1,\"date\":\"2026-08-21\"}\n" + rows);
}

}  // namespace

TEST_CASE("the bundled file is whole and dated") {
    CHECK(PriceBook::bundled().bundle_date() == "2026-08-21");
    const auto priced = PriceBook::bundled().price(query("openai", "gpt-4o"), tokens(1, 1));
    REQUIRE(priced);
    CHECK(priced->rates_source == "bundled-2026-08-21");
    CHECK(priced->state == CostState::exact);
}

TEST_CASE("Anthropic: four buckets, input without caches") {
    TokenUsage usage = tokens(1000, 100);
    usage.cache_read = 10'000;
    usage.cache_write = 3000;
    usage.cache_write_1h = 1000;
    usage.reasoning = 50;  // inside the output
    usage.web_search_count = 2;
    // claude-opus-4-6: 5 / 25 / read 0.5 / write 6.25 / 1h 10 USD per million.
    CHECK(cost(query("anthropic", "claude-opus-4-6"), usage) ==
          1000 * 5'000 + 100 * 25'000 + 10'000 * 500 + 2000 * 6'250 + 1000 * 10'000 + 20'000'000);
}

TEST_CASE("OpenAI: cached tokens are a part of the input, reasoning of the output") {
    TokenUsage usage = tokens(10'000, 500);
    usage.cache_read = 4000;
    usage.reasoning = 400;
    usage.input_includes_cache = true;
    // gpt-5: 1.25 / 10 / cached 0.125.
    CHECK(cost(query("openai", "gpt-5"), usage) == 6000 * 1'250 + 4000 * 125 + 500 * 10'000);
}

TEST_CASE("Gemini: thoughts and tool prompts come on top") {
    TokenUsage usage = tokens(1000, 100);
    usage.input_includes_cache = true;
    usage.output_includes_reasoning = false;
    usage.reasoning = 50;
    usage.tool_input = 30;
    // gemini-2.5-pro: 1.25 / 10.
    CHECK(cost(query("gemini", "gemini-2.5-pro"), usage) == 1030 * 1'250 + 150 * 10'000);
}

TEST_CASE("beyond a threshold every token costs more; at it none does") {
    CHECK(cost(query("gemini", "gemini-2.5-pro"), tokens(200'000, 1)) == 200'000 * 1'250 + 10'000);
    CHECK(cost(query("gemini", "gemini-2.5-pro"), tokens(200'001, 1)) == 200'001 * 2'500 + 15'000);
    // What was cached counts too.
    TokenUsage cached = tokens(1, 0);
    cached.cache_read = 200'000;
    CHECK(cost(query("anthropic", "claude-sonnet-4-5"), cached) == 6'000 + 200'000 * 600);
}

TEST_CASE("a tier that the answer names has its own prices") {
    CHECK(cost(query("anthropic", "claude-haiku-4-5", "batch"), tokens(1000, 0)) == 500'000);
    CHECK(cost(query("anthropic", "claude-haiku-4-5", "standard"), tokens(1000, 0)) == 1'000'000);
    CHECK(cost(query("openai", "o3", "flex"), tokens(1000, 0)) == 1'000'000);
    CHECK(cost(query("openai", "o3", "PRIORITY"), tokens(1000, 0)) == 3'500'000);
    CHECK(cost(query("openai", "o3", "default"), tokens(1000, 0)) == 2'000'000);
    // Without prices of its own it is charged like the standard one, as an estimate.
    const auto priced = PriceBook::bundled().price(
        query("anthropic", "claude-haiku-4-5", "priority"), tokens(1000, 0));
    REQUIRE(priced);
    CHECK(priced->cost.value == 1'000'000);
    CHECK(priced->state == CostState::estimated);
}

TEST_CASE("a period's price holds from its first day") {
    CHECK(cost(query("anthropic", "claude-sonnet-5", "", "2026-08-31"), tokens(1000, 0)) ==
          2'000'000);
    CHECK(cost(query("anthropic", "claude-sonnet-5", "", "2026-09-01"), tokens(1000, 0)) ==
          3'000'000);
    CHECK(cost(query("anthropic", "claude-opus-4-6", "", "2026-03-12"), tokens(300'000, 0)) ==
          300'000 * 10'000ll);
    CHECK(cost(query("anthropic", "claude-opus-4-6", "", "2026-03-13"), tokens(300'000, 0)) ==
          300'000 * 5'000ll);
}

TEST_CASE("faster and regional modes are factors on the whole, fees are not") {
    PriceQuery asked = query("anthropic", "claude-opus-4-6");
    TokenUsage usage = tokens(1000, 0);
    usage.web_search_count = 1;
    asked.speed = "fast";
    CHECK(cost(asked, usage) == 6 * 5'000'000 + 10'000'000);
    asked.region = "us";
    CHECK(cost(asked, usage) == 33'000'000 + 10'000'000);
    asked.speed = "standard";
    asked.region = "global";
    CHECK(cost(asked, usage) == 5'000'000 + 10'000'000);
}

TEST_CASE("forms of a name that mean the same model") {
    const auto is_known = [](std::string_view provider, std::string_view model) {
        return cost(query(provider, model), tokens(1, 1)) >= 0;
    };
    CHECK(is_known("anthropic", "claude-sonnet-4-5-20250929"));
    CHECK(is_known("anthropic", "claude-sonnet-4-5-20271231"));
    CHECK(is_known("anthropic", "claude-3-5-haiku-latest"));
    CHECK(is_known("openai", "gpt-4o-mini-2024-07-18"));
    CHECK(is_known("openai", "gpt-5.5-2027-01-01"));
    CHECK(is_known("openai", "gpt-3.5-turbo-instruct:20230824-v2"));
    CHECK(is_known("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc123"));
    CHECK(is_known("gemini", "models/gemini-2.5-flash"));
    CHECK(is_known("gemini", "gemini-2.5-pro-preview-05-06"));
    CHECK(is_known("gemini", "gemini-2.0-flash-001"));
    CHECK(is_known("xai", "grok-4-latest"));

    // A new model never inherits an old one's price.
    CHECK_FALSE(is_known("anthropic", "claude-sonnet-4-7"));
    CHECK_FALSE(is_known("anthropic", "claude-opus-5-mini"));
    CHECK_FALSE(is_known("openai", "gpt-4o-ultra"));
    CHECK_FALSE(is_known("openai", "gpt-5-20"));
    CHECK_FALSE(is_known("openai", "ft:gpt-9:acme::x"));
    CHECK_FALSE(is_known("gemini", "gemini-2.5-pro-max"));
    CHECK_FALSE(is_known("openai", "claude-opus-4-6"));
    CHECK_FALSE(is_known("openai", ""));
    CHECK_FALSE(is_known("openai", "-latest"));
    CHECK_FALSE(is_known("nobody", "gpt-4o"));
}

TEST_CASE("one rounding, half up, in integers") {
    const PriceBook tiny = book(R"({"provider":"p","model":"m","rates":{"input":250,"output":249}})");
    const auto cost_of = [&](std::int64_t input, std::int64_t output) {
        return tiny.price(query("p", "m"), tokens(input, output))->cost.value;
    };
    CHECK(cost_of(0, 0) == 0);
    CHECK(cost_of(1, 0) == 0);  // 0.250
    CHECK(cost_of(2, 0) == 1);  // 0.500
    CHECK(cost_of(0, 2) == 0);  // 0.498
    CHECK(cost_of(1, 1) == 0);  // 0.499
    CHECK(cost_of(3, 3) == 1);  // 1.497
    // No overflow in between, and a bound for nonsense.
    CHECK(cost_of(400'000'000'000'000'000, 0) == 100'000'000'000'000'000);
    CHECK(cost_of(9'000'000'000'000'000'000, 0) == 144'115'188'075'855'871);
}

TEST_CASE("what cannot be priced has no price") {
    TokenUsage seconds;
    seconds.audio_input_ms = 4000;
    CHECK(cost(query("openai", "whisper-1"), seconds) == 4 * 100'000);
    CHECK(cost(query("openai", "gpt-4o"), seconds) == -1);
    const PriceBook partial = book(R"({"provider":"p","model":"m","rates":{"input":1000}})");
    CHECK(partial.price(query("p", "m"), tokens(5, 0)));
    CHECK_FALSE(partial.price(query("p", "m"), tokens(5, 1)));
}

TEST_CASE("parts of other modalities are charged once") {
    TokenUsage usage = tokens(1000, 200);
    usage.input_includes_cache = true;
    usage.audio_input = 400;
    usage.audio_output = 50;
    const PriceBook audio = book(
        R"({"provider":"p","model":"m","rates":{"input":1000,"output":2000,"audio_input":9000,"audio_output":8000}})");
    CHECK(audio.price(query("p", "m"), usage)->cost.value == 600 + 300 + 3600 + 400);
    // Embeddings have no output.
    PriceQuery embedding = query("p", "m");
    embedding.kind = RequestKind::embedding;
    CHECK(audio.price(embedding, tokens(1000, 500))->cost.value == 1000);
}

TEST_CASE("cached sound has a price of its own") {
    TokenUsage usage;
    usage.input_includes_cache = usage.has_cache_modalities = true;
    usage.input = 139;
    usage.cache_read = 64;
    usage.audio_input = 96;
    usage.audio_cache_read = 50;
    const PriceQuery query{"openai", "gpt-realtime-mini", RequestKind::realtime, "",
                           *parse_iso8601("2026-09-02T12:00:00Z")};
    auto priced = PriceBook::bundled().price(query, usage);
    REQUIRE(priced);
    // 29 of text, 14 cached; 46 of sound, 50 cached.
    CHECK(priced->cost.value == 29 * 600 + 14 * 60 + 46 * 10'000 + 50 * 300);
    CHECK(priced->state == CostState::exact);
    // Not told apart: every token at its own price once more, and no promise.
    usage.has_cache_modalities = false;
    usage.audio_cache_read = 0;
    priced = PriceBook::bundled().price(query, usage);
    CHECK(priced->state == CostState::estimated);
    // Cached pictures have no listed price, where fresh ones are not as text.
    const auto book = PriceBook::parse(
        "{\"format\":1,\"date\":\"2026-01-01\"}\n"
        R"({"provider":"p","model":"m","rates":{"input":1000,"cache_read":100,"image_input":5000}})");
    REQUIRE(book);
    usage = {};
    usage.input_includes_cache = usage.has_cache_modalities = true;
    usage.input = 30;
    usage.cache_read = usage.image_input = usage.image_cache_read = 10;
    const auto guessed =
        book->price({"p", "m", RequestKind::chat, "", *parse_iso8601("2026-09-02T12:00:00Z")}, usage);
    REQUIRE(guessed);
    CHECK(guessed->cost.value == 20 + 1);
    CHECK(guessed->state == CostState::estimated);
}

TEST_CASE("two prices for one name are a broken file") {
    const std::string row = R"({"provider":"p","model":"m","rates":{"input":1}})";
    const std::string head = "{\"format\":1,\"date\":\"2026-08-21\"}\n";
    CHECK(PriceBook::parse(head + row));
    CHECK_FALSE(PriceBook::parse(head + row + "\n" + row));
    CHECK_FALSE(PriceBook::parse(
        head + row + "\n" + R"({"provider":"p","model":"n","also":["m"],"rates":{"input":1}})"));
}

TEST_CASE("a tier keeps its relation above a step that does not list it") {
    const PriceBook steps = book(
        R"({"provider":"p","model":"m","rates":{"input":2000,"output":8000},"batch":{"input":1000},)"
        R"("above":[{"tokens":100,"rates":{"input":4000,"output":12000}}]})");
    const auto below = steps.price(query("p", "m", "batch"), tokens(100, 0));
    CHECK(below->cost.value == 100);
    CHECK(below->state == CostState::exact);
    const auto above = steps.price(query("p", "m", "batch"), tokens(1000, 0));
    CHECK(above->cost.value == 2000);
    CHECK(above->state == CostState::estimated);
    // Nothing of the tier is listed for output: the standard price.
    CHECK(steps.price(query("p", "m", "batch"), tokens(0, 1000))->cost.value == 8000);
}

TEST_CASE("tiers as other clouds name them; one that nobody lists is an estimate") {
    const PriceBook tiers = book(
        R"({"provider":"p","model":"m","rates":{"input":2000},"flex":{"input":1000},)"
        R"("priority":{"input":3000}})");
    const auto priced = [&](std::string_view tier) {
        return *tiers.price(query("p", "m", tier), tokens(1000, 0));
    };
    CHECK(priced("ON_DEMAND").cost.value == 2000);
    CHECK(priced("ON_DEMAND").state == CostState::exact);
    CHECK(priced("ON_DEMAND_FLEX").cost.value == 1000);
    CHECK(priced("on_demand_priority").cost.value == 3000);
    CHECK(priced("fast").cost.value == 3000);
    CHECK(priced("auto").state == CostState::exact);
    CHECK(priced("PROVISIONED_THROUGHPUT").state == CostState::estimated);
    CHECK(priced("of-tomorrow").cost.value == 2000);
}

TEST_CASE("a cache write of unknown lifetime is an estimate where the hour costs more") {
    TokenUsage usage = tokens(10, 1);
    usage.cache_write = 100;
    const auto state_of = [&](std::string_view provider, std::string_view model) {
        return PriceBook::bundled().price(query(provider, model), usage)->state;
    };
    CHECK(state_of("anthropic", "claude-opus-4-6") == CostState::estimated);
    usage.has_cache_write_split = true;
    CHECK(state_of("anthropic", "claude-opus-4-6") == CostState::exact);
    usage.has_cache_write_split = false;
    usage.cache_write_1h = 40;
    CHECK(state_of("anthropic", "claude-opus-4-6") == CostState::exact);
    // A list that has no price for the hour.
    const PriceBook plain = book(
        R"({"provider":"p","model":"m","rates":{"input":1000,"cache_write":2000}})");
    usage = {};
    usage.cache_write = usage.cache_write_1h = 1000;
    CHECK(plain.price(query("p", "m"), usage)->cost.value == 2000);
    CHECK(plain.price(query("p", "m"), usage)->state == CostState::estimated);
}

TEST_CASE("times compose: the step, the cache's lifetime, the tier, the speed and the region") {
    TokenUsage usage = tokens(150'000, 1000);
    usage.cache_write = usage.cache_write_1h = 60'000;
    // claude-sonnet-4-5 above 200,000: 6 / 22.5 / 1 h 12; batches are half of it.
    CHECK(cost(query("anthropic", "claude-sonnet-4-5", "batch"), usage) ==
          (150'000 * 6'000ll + 1000 * 22'500ll + 60'000 * 12'000ll) / 2);
    PriceQuery asked = query("anthropic", "claude-opus-4-6", "batch", "2026-03-12");
    asked.speed = "fast";
    asked.region = "us";
    // Above 200,000 until that day: 10 / 37.5 / 20, halved, times 6, times 1.1.
    CHECK(cost(asked, usage) ==
          (150'000 * 10'000ll + 1000 * 37'500ll + 60'000 * 20'000ll) / 2 * 6 / 10 * 11);
}

TEST_CASE("fees of searches") {
    const auto priced = [](std::string_view provider, std::string_view model, int searches) {
        TokenUsage usage;
        usage.web_search_count = searches;
        return *PriceBook::bundled().price(query(provider, model), usage);
    };
    CHECK(priced("anthropic", "claude-opus-4-6", 3).cost.value == 30'000'000);
    CHECK(priced("anthropic", "claude-opus-4-6", 3).state == CostState::exact);
    // Google: older models by the call that searched, newer ones by the search; a free quota.
    CHECK(priced("gemini", "gemini-2.5-pro", 4).cost.value == 35'000'000);
    CHECK(priced("gemini", "gemini-2.5-pro", 4).state == CostState::estimated);
    CHECK(priced("gemini", "gemini-2.5-pro", 0).state == CostState::exact);
    CHECK(priced("gemini", "gemini-3-flash-preview", 4).cost.value == 4 * 14'000'000);
    // OpenAI: the usual fee, which no list has by the model.
    CHECK(priced("openai", "gpt-5", 2).cost.value == 20'000'000);
    CHECK(priced("openai", "gpt-5", 2).state == CostState::estimated);
    // Each call of these is a search, at the price of its context size, which nobody tells.
    CHECK(priced("openai", "gpt-4o-search-preview", 0).cost.value == 35'000'000);
    CHECK(priced("openai", "gpt-4o-search-preview", 0).state == CostState::estimated);
    // A provider without any known fee.
    CHECK(priced("groq", "llama-3.3-70b-versatile", 2).state == CostState::estimated);
}

TEST_CASE("models that are charged by queries, pages, images, characters and seconds") {
    const auto cost_of = [](std::string_view provider, std::string_view model,
                            const TokenUsage& usage) {
        return cost(query(provider, model), usage);
    };
    TokenUsage usage;
    usage.query_count = 3;
    CHECK(cost_of("cohere", "rerank-v3.5", usage) == 3 * 2'000'000);
    CHECK(cost_of("cohere", "command-r", usage) == -1);
    usage = {};
    usage.page_count = 2;
    CHECK(cost_of("mistral", "mistral-ocr-4-0", usage) == 2 * 4'000'000);
    usage = {};
    usage.image_count = 2;
    CHECK(cost_of("openai", "dall-e-3", usage) == 2 * 40'000'000);
    usage = {};
    usage.character_count = 1000;
    CHECK(cost_of("openai", "tts-1", usage) == 15'000'000);
    usage = {};
    usage.audio_input_ms = 1001;
    CHECK(cost_of("groq", "whisper-large-v3", usage) == 2 * 30'830);
    // Counted in tokens and numbered besides: the tokens are the price.
    usage = tokens(1000, 0);
    usage.image_count = 1;
    CHECK(cost_of("openai", "gpt-4o", usage) == 2'500'000);
    // Charged by the query only, and none is counted: nothing to know.
    CHECK(cost_of("cohere", "rerank-v3.5", tokens(10, 0)) == -1);
    CHECK(cost_of("openai", "dall-e-3", {}) == -1);
}

TEST_CASE("a provider that charges nothing charges nothing for any model") {
    const auto priced = PriceBook::bundled().price(query("ollama", "whatever"), tokens(5, 5));
    REQUIRE(priced);
    CHECK(priced->cost.value == 0);
    CHECK(priced->price_id == "ollama/*");
    // A line with fees only prices no model, and its mark is no model's name.
    CHECK(cost(query("openai", "whatever"), tokens(5, 5)) == -1);
    CHECK(cost(query("ollama", "*"), tokens(5, 5)) == -1);
}

TEST_CASE("every provider of the list is there, by names as their answers have them") {
    const auto is_known = [](std::string_view provider, std::string_view model) {
        return cost(query(provider, model), tokens(1, 1)) >= 0;
    };
    CHECK(is_known("azure", "gpt-4o-2024-08-06"));
    CHECK(is_known("vertex", "gemini-2.5-flash"));
    CHECK(is_known("vertex", "claude-opus-4-6@default"));
    CHECK(is_known("vertex", "claude-opus-4-6@20990101"));
    CHECK(is_known("vertex", "claude-sonnet-4-5@20250929"));
    CHECK(is_known("bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0"));
    CHECK(is_known("bedrock", "amazon.nova-lite-v1:0"));
    CHECK(is_known("bedrock", "anthropic.claude-3-haiku-20240307-v1:0"));
    CHECK(is_known("mistral", "mistral-large-latest"));
    CHECK(is_known("groq", "llama-3.3-70b-versatile"));
    CHECK(is_known("deepseek", "deepseek-chat"));
    CHECK(is_known("cerebras", "llama3.1-8b"));
    CHECK(is_known("together", "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"));
    CHECK(is_known("fireworks", "accounts/fireworks/models/glm-5p1"));
    CHECK(is_known("voyage", "voyage-3.5"));
    CHECK(is_known("moonshot", "kimi-k2.5"));
    CHECK(is_known("zai", "glm-4.6"));
    CHECK(is_known("cohere", "command-r-plus"));
    CHECK(is_known("perplexity", "sonar-pro"));
    CHECK_FALSE(is_known("bedrock", "anthropic.claude-v99"));
    CHECK_FALSE(is_known("vertex", "@default"));
}

TEST_CASE("negotiated prices change what they name and nothing else") {
    const auto made = [](std::int64_t above, Tier tier, Rate rate, std::int64_t nanousd) {
        PriceOverride entry;
        entry.provider = "anthropic";
        entry.model = "claude-sonnet-4-5";
        entry.above_tokens = above;
        entry.tier = tier;
        entry.rates.set(rate, nanousd);
        return entry;
    };
    PriceOverride dated = made(-1, Tier::standard, Rate::output, 1'000'000);
    dated.from = on("2026-08-21");
    dated.until = dated.from + std::chrono::hours(24);
    const PriceBook mine = PriceBook::bundled().with_local(
        nullptr,
        {made(-1, Tier::standard, Rate::input, 2'000'000), dated,
         made(100'000, Tier::standard, Rate::input, 5'000'000),
         made(-1, Tier::batch, Rate::input, 700'000)},
        "2026-11-21");
    const auto priced = [&](std::string_view tier, std::int64_t input, std::int64_t output,
                            const std::string& day = "2026-08-21") {
        return *mine.price(query("anthropic", "claude-sonnet-4-5-20250929", tier, day),
                           tokens(input, output));
    };
    CHECK(priced("", 1000, 0).cost.value == 2'000'000);
    CHECK(priced("", 1000, 0).rates_source == "override");
    CHECK(priced("", 1000, 0).price_date == "2026-11-21");
    CHECK(priced("", 0, 1000).cost.value == 1'000'000);
    CHECK(priced("", 0, 1000).price_id == "override:anthropic/claude-sonnet-4-5");
    // The day after, the output is as listed.
    CHECK(priced("", 0, 1000, "2026-08-23").cost.value == 15'000'000);
    CHECK(priced("", 0, 1000, "2026-08-20").cost.value == 15'000'000);
    // A step of one's own, and the one of the list above it.
    CHECK(priced("", 100'001, 0).cost.value == 100'001 * 5'000ll);
    CHECK(priced("", 100'001, 0).state == CostState::exact);
    CHECK(priced("", 200'001, 0).cost.value == 200'001 * 5'000ll);
    CHECK(priced("batch", 1000, 0).cost.value == 700'000);
    // Others are not touched.
    const auto other = mine.price(query("anthropic", "claude-haiku-4-5"), tokens(1000, 0));
    CHECK(other->rates_source == "bundled-2026-08-21");
    CHECK(mine.overrides().size() == 4);

    // A model that no list knows.
    PriceOverride fresh = made(-1, Tier::standard, Rate::input, 3'000'000);
    fresh.model = "claude-mine";
    const PriceBook theirs = PriceBook::bundled().with_local(nullptr, {fresh}, "2026-11-21");
    CHECK(theirs.price(query("anthropic", "claude-mine"), tokens(1000, 0))->cost.value == 3'000'000);
    CHECK_FALSE(theirs.price(query("anthropic", "claude-mine"), tokens(1000, 1)));
}
