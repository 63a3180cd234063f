#include "meter/price_import.h"

#include <string>

#include "base/limits.h"

#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

PriceImport import(const std::string& json) {
    auto made = import_litellm(json, "2026-11-21");
    REQUIRE(made);
    return std::move(*made);
}

PriceRow row_of(const std::string& json) {
    const PriceImport made = import(json);
    auto file = parse_price_file(made.text);
    REQUIRE(file);
    CHECK(file->date == "2026-11-21");
    REQUIRE(file->rows.size() == 1);
    CHECK(PriceBook::parse(made.text));
    return file->rows.front();
}

}  // namespace

TEST_CASE("an entry with everything in it") {
    const PriceRow row = row_of(R"({"sample_spec":{"input_cost_per_token":0},
        "claude-x":{"litellm_provider":"anthropic","mode":"chat",
        "input_cost_per_token":3e-06,"output_cost_per_token":1.5e-05,
        "cache_read_input_token_cost":3e-07,"cache_creation_input_token_cost":3.75e-06,
        "cache_creation_input_token_cost_above_1hr":6e-06,
        "input_cost_per_token_above_200k_tokens":6e-06,
        "output_cost_per_token_above_200k_tokens":2.25e-05,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens":1.2e-05,
        "input_cost_per_token_batches":1.5e-06,"input_cost_per_token_priority":4e-06,
        "input_cost_per_token_above_200k_tokens_priority":8e-06,
        "output_cost_per_image_token":null,"max_tokens":64000,
        "search_context_cost_per_query":{"search_context_size_low":0.01,
        "search_context_size_medium":0.01,"search_context_size_high":0.01}}})");
    CHECK(row.provider == "anthropic");
    CHECK(row.model == "claude-x");
    REQUIRE(row.bands.size() == 2);
    const Rates& rates = row.bands[0].rates[0];
    CHECK(rates.get(Rate::input) == 3'000'000);
    CHECK(rates.get(Rate::output) == 15'000'000);
    CHECK(rates.get(Rate::cache_read) == 300'000);
    CHECK(rates.get(Rate::cache_write) == 3'750'000);
    CHECK(rates.get(Rate::cache_write_1h) == 6'000'000);
    CHECK_FALSE(rates.has(Rate::image_output));
    CHECK(row.bands[0].rates[1].get(Rate::input) == 1'500'000);
    CHECK(row.bands[0].rates[3].get(Rate::input) == 4'000'000);
    CHECK(row.bands[1].above_tokens == 200'000);
    const Rates& above = row.bands[1].rates[0];
    CHECK(above.get(Rate::input) == 6'000'000);
    CHECK(above.get(Rate::output) == 22'500'000);
    CHECK(above.get(Rate::cache_write_1h) == 12'000'000);
    // Not listed there: the same relation to the input.
    CHECK(above.get(Rate::cache_read) == 600'000);
    CHECK(above.get(Rate::cache_write) == 7'500'000);
    CHECK(row.bands[1].rates[3].get(Rate::input) == 8'000'000);
    CHECK(row.web_search_nanousd == 10'000'000);
    CHECK_FALSE(row.is_fee_varying);
}

TEST_CASE("names lose the provider before them") {
    const auto model_of = [](const std::string& key, const std::string& provider) {
        const PriceRow row = row_of("{\"" + key + "\":{\"litellm_provider\":\"" + provider +
                                    "\",\"input_cost_per_token\":1e-06}}");
        return row.provider + " " + row.model;
    };
    CHECK(model_of("gemini/gemini-x", "gemini") == "gemini gemini-x");
    CHECK(model_of("vertex_ai/claude-x@1", "vertex_ai-anthropic_models") == "vertex claude-x@1");
    CHECK(model_of("azure/eu/gpt-x", "azure") == "azure eu/gpt-x");
    CHECK(model_of("together_ai/meta/llama", "together_ai") == "together meta/llama");
    CHECK(model_of("us.anthropic.claude-x-v1:0", "bedrock_converse") ==
          "bedrock us.anthropic.claude-x-v1:0");
    CHECK(model_of("anthropic/", "anthropic") == "anthropic anthropic/");
}

TEST_CASE("models that are charged by something else") {
    CHECK(row_of(
              R"({"r":{"litellm_provider":"cohere","mode":"rerank","input_cost_per_query":0.002}})")
              .units.get(Unit::query) == 2'000'000'000);
    CHECK(row_of(R"({"w":{"litellm_provider":"openai","mode":"audio_transcription",
        "input_cost_per_second":0.0001,"output_cost_per_second":0.0001}})")
              .units.get(Unit::second) == 100'000'000);
    CHECK(row_of(R"({"i":{"litellm_provider":"openai","mode":"image_generation",
        "input_cost_per_image":0.02}})")
              .units.get(Unit::image) == 20'000'000'000);
    CHECK(row_of(R"({"t":{"litellm_provider":"openai","mode":"audio_speech",
        "input_cost_per_character":1.5e-05}})")
              .units.get(Unit::character) == 15'000'000);
}

TEST_CASE("what an import takes is a price that a list can have") {
    CHECK(row_of(
              R"({"r":{"litellm_provider":"cohere","mode":"rerank","input_cost_per_query":5.002}})")
              .units.get(Unit::query) == 5'002'000'000'000);
    CHECK(row_of(
              R"({"r":{"litellm_provider":"cohere","mode":"rerank","input_cost_per_query":1000}})")
              .units.get(Unit::query) == unit_nanousd_max);
    // A step that is a trillion times dearer says nothing about the other prices.
    const PriceRow row = row_of(R"({"m":{"litellm_provider":"openai","input_cost_per_token":1e-12,
        "output_cost_per_token":1,"input_cost_per_token_above_200k_tokens":1}})");
    REQUIRE(row.bands.size() == 2);
    CHECK(row.bands[1].rates[0].get(Rate::input) == rate_nanousd_max);
    CHECK_FALSE(row.bands[1].rates[0].has(Rate::output));
}

TEST_CASE("what cannot be used is left out, with its reason") {
    const PriceImport made =
        import(R"({"good":{"litellm_provider":"openai","input_cost_per_token":0},
        "openai/good":{"litellm_provider":"openai","input_cost_per_token":1e-06},
        "a":{"litellm_provider":"nobody","input_cost_per_token":1e-06},
        "b":{"input_cost_per_token":1e-06},
        "c":{"litellm_provider":"openai","max_tokens":5},
        "d":{"litellm_provider":"openai","input_cost_per_token":-1e-06},
        "e":{"litellm_provider":"openai","input_cost_per_token":3.5},
        "f":{"litellm_provider":"openai","input_cost_per_token":"cheap"},
        "g":7,
        "line\nbreak":{"litellm_provider":"openai","input_cost_per_token":1e-06},
        "*":{"litellm_provider":"openai","input_cost_per_token":1e-06}})");
    CHECK(made.row_count == 1);
    const auto count = [&](const std::string& why) {
        const auto found = made.skipped.find(why);
        return found == made.skipped.end() ? 0 : found->second.count;
    };
    CHECK(count("a second price for the same model") == 1);
    CHECK(count("a provider that is not metered") == 2);
    CHECK(count("no price for anything that answers count") == 1);
    CHECK(count("a price out of range") == 3);
    CHECK(count("not an object") == 1);
    CHECK(count("a name that no model can have") == 2);
    CHECK(made.skipped.at("a price out of range").examples ==
          std::vector<std::string>{"d", "e", "f"});
}

TEST_CASE("a file without anything in it is refused") {
    for (const char* text : {"", "[]", "{}", "{", "7", R"({"a":{"litellm_provider":"nobody"}})"}) {
        CAPTURE(text);
        const auto made = import_litellm(text, "2026-11-21");
        REQUIRE_FALSE(made);
        CHECK(made.error().kind == ErrorKind::malformed);
    }
    const auto large =
        import_litellm(std::string(limits::price_import_bytes_max + 1, ' '), "2026-11-21");
    REQUIRE_FALSE(large);
    CHECK(large.error().kind == ErrorKind::too_large);
}

TEST_CASE("a local set goes before the bundle, and its rows say so") {
    const PriceImport made = import(
        R"({"gpt-4o":{"litellm_provider":"openai","input_cost_per_token":1e-06,
        "output_cost_per_token":2e-06}})");
    const auto set = PriceBook::parse(made.text);
    REQUIRE(set);
    const PriceBook book = PriceBook::bundled().with_local(&*set, {}, "2026-11-22");
    TokenUsage usage;
    usage.input = 1000;
    const PriceQuery query{"openai", "gpt-4o-2024-08-06", RequestKind::chat, "",
                           *parse_iso8601("2026-11-21T00:00:00Z")};
    const auto priced = book.price(query, usage);
    REQUIRE(priced);
    CHECK(priced->cost.value == 1'000'000);
    CHECK(priced->rates_source == "override");
    CHECK(priced->price_id == "import:openai/gpt-4o");
    CHECK(priced->price_date == "2026-11-21");
    CHECK(book.local_date() == "2026-11-21");
    CHECK(PriceBook::bundled().local_date().empty());
    // What it does not know is as before.
    PriceQuery other = query;
    other.model = "gpt-5";
    CHECK(book.price(other, usage)->rates_source == "bundled-2026-08-21");
    CHECK(book.rows().size() == PriceBook::bundled().rows().size() + 1);
}

TEST_CASE("negotiated prices of the config") {
    config::PriceOverride entry;
    entry.provider = "anthropic";
    entry.model = "claude-haiku-4-5";
    entry.tier = "batch";
    entry.above_tokens = 1000;
    entry.first_day = "2026-01-01";
    entry.last_day = "2026-01-31";
    entry.prices = {{"input", 800'000}, {"cache_write_1h", 5}};
    const auto made = to_overrides({entry});
    REQUIRE(made.size() == 1);
    CHECK(made[0].tier == Tier::batch);
    CHECK(made[0].above_tokens == 1000);
    CHECK(to_iso8601(made[0].from) == "2026-01-01T00:00:00.000000Z");
    CHECK(to_iso8601(made[0].until) == "2026-02-01T00:00:00.000000Z");
    CHECK(made[0].rates.get(Rate::input) == 800'000);
    CHECK(made[0].rates.get(Rate::cache_write_1h) == 5);
    CHECK_FALSE(made[0].rates.has(Rate::output));
}
