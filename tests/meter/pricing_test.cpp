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

TEST_CASE("two prices for one name are a broken file") {
    const std::string row = R"({"provider":"p","model":"m","rates":{"input":1}})";
    const std::string head = "{\"format\":1,\"date\":\"2026-08-21\"}\n";
    CHECK(PriceBook::parse(head + row));
    CHECK_FALSE(PriceBook::parse(head + row + "\n" + row));
    CHECK_FALSE(PriceBook::parse(
        head + row + "\n" + R"({"provider":"p","model":"n","also":["m"],"rates":{"input":1}})"));
}
