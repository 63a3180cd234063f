// The product's prices against a second, slow opinion (support/price_reference.h): on random
// usages, on the corpus of recorded answers, and the list itself against the facts it was written
// from.
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <string>

#include "base/money.h"
#include "meter/buckets.h"
#include "meter/pricing.h"
#include "support/catch.h"
#include "support/corpus.h"
#include "support/corpus_sockets.h"
#include "support/price_reference.h"

using namespace halton;
using namespace halton::meter;
using namespace halton::test;

namespace {

const PriceReference& reference() {
    static const PriceReference made = [] {
        const char* root = std::getenv("HALTON_SOURCE_ROOT");
        const auto folder =
            std::filesystem::path(root != nullptr ? root : ".") / "src/meter/prices";
        std::string newest;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            const std::string path = entry.path().string();
            if (path.ends_with(".jsonl") && path > newest) newest = path;
        }
        return PriceReference::read(newest);
    }();
    return made;
}

std::string tier_key(std::string_view tier) {
    if (is_equal_ignoring_case(tier, "batch")) return "batch";
    if (is_equal_ignoring_case(tier, "flex")) return "flex";
    if (is_equal_ignoring_case(tier, "priority")) return "priority";
    return "rates";
}

struct Raw {
    std::int64_t input = 0, output = 0, reasoning = 0;
    std::int64_t cache_read = 0, cache_write = 0, cache_write_1h = 0;
    std::int64_t audio_in = 0, audio_out = 0, image_in = 0, image_out = 0, tool = 0;
    std::int64_t audio_cached = 0, image_cached = 0;  // parts of cache_read
    std::int64_t searches = 0, milliseconds = 0;
    bool has_cache_inside = false, has_reasoning_inside = true;
};

// The same rules as the product's, in other words: from what is reported to what is billed.
ReferenceUse use_of(const Raw& raw) {
    ReferenceUse use;
    const std::int64_t long_writes = std::min(raw.cache_write_1h, raw.cache_write);
    // Of the cached tokens the sound goes first, then the pictures; where cached ones stand beside
    // the input nobody tells them apart.
    const std::int64_t inside = raw.has_cache_inside ? raw.cache_read : 0;
    const std::int64_t audio_cached = std::min(inside, raw.audio_cached);
    const std::int64_t image_cached = std::min(inside - audio_cached, raw.image_cached);
    const std::int64_t new_audio = std::max<std::int64_t>(0, raw.audio_in - audio_cached);
    const std::int64_t new_image = std::max<std::int64_t>(0, raw.image_in - image_cached);
    std::int64_t fresh = raw.input - new_audio - new_image;
    if (raw.has_cache_inside) fresh = fresh - raw.cache_read - raw.cache_write;
    use.tokens["input"] = std::max<std::int64_t>(0, fresh) + raw.tool;
    use.tokens["cache_read"] = raw.cache_read - audio_cached - image_cached;
    use.tokens["audio_cache_read"] = audio_cached;
    use.tokens["image_cache_read"] = image_cached;
    use.tokens["cache_write"] = raw.cache_write - long_writes;
    use.tokens["cache_write_1h"] = long_writes;
    use.tokens["audio_input"] = new_audio;
    use.tokens["image_input"] = new_image;
    use.tokens["output"] = std::max<std::int64_t>(0, raw.output - raw.audio_out - raw.image_out);
    use.tokens["audio_output"] = raw.audio_out;
    use.tokens["image_output"] = raw.image_out;
    use.tokens["reasoning_output"] = raw.has_reasoning_inside ? 0 : raw.reasoning;
    const std::int64_t cached = raw.cache_read + raw.cache_write;
    use.prompt = raw.has_cache_inside ? std::max(raw.input, cached) : raw.input + cached;
    use.searches = raw.searches;
    use.units["second"] = (raw.milliseconds + 999) / 1000;
    return use;
}

TokenUsage usage_of(const Raw& raw) {
    TokenUsage usage;
    usage.input = raw.input;
    usage.output = raw.output;
    usage.reasoning = raw.reasoning;
    usage.cache_read = raw.cache_read;
    usage.cache_write = raw.cache_write;
    usage.cache_write_1h = raw.cache_write_1h;
    usage.audio_input = raw.audio_in;
    usage.audio_output = raw.audio_out;
    usage.image_input = raw.image_in;
    usage.image_output = raw.image_out;
    usage.audio_cache_read = raw.audio_cached;
    usage.image_cache_read = raw.image_cached;
    usage.tool_input = raw.tool;
    usage.web_search_count = raw.searches;
    usage.audio_input_ms = raw.milliseconds;
    usage.input_includes_cache = raw.has_cache_inside;
    usage.output_includes_reasoning = raw.has_reasoning_inside;
    return usage;
}

std::int64_t random_count(std::mt19937_64& random) {
    switch (random() % 5) {
        case 0: return 0;
        case 1: return static_cast<std::int64_t>(random() % 10);
        case 2: return static_cast<std::int64_t>(random() % 5'000);
        case 3: return 199'990 + static_cast<std::int64_t>(random() % 20);
        default: return static_cast<std::int64_t>(random() % 2'000'000);
    }
}

}  // namespace

TEST_CASE("random usages of every model cost the same to both, to the nano-dollar") {
    std::mt19937_64 random(20260821);
    static constexpr std::array<std::string_view, 6> tiers{"",     "default",  "batch",
                                                           "flex", "priority", "Batch"};
    static constexpr std::array<std::string_view, 5> days{"2024-01-01", "2026-03-12", "2026-03-13",
                                                          "2026-08-31", "2026-09-01"};
    static constexpr std::array<std::string_view, 6> ends{
        "", "", "-20991231", "-latest", "@default", "-mini-of-tomorrow"};
    std::size_t priced_count = 0;
    std::size_t unpriced_count = 0;
    for (const auto& row : reference().rows()) {
        for (int i = 0; i < 12; ++i) {
            Raw raw;
            raw.has_cache_inside = random() % 2 == 0;
            raw.has_reasoning_inside = random() % 2 == 0;
            raw.input = random_count(random);
            raw.output = random_count(random);
            raw.reasoning = random_count(random);
            raw.cache_read = random_count(random);
            if (random() % 2 == 0) raw.cache_write = random_count(random);
            raw.cache_write_1h = random() % 3 == 0 ? random_count(random) : 0;
            if (random() % 4 == 0) raw.audio_in = random_count(random);
            if (random() % 4 == 0) raw.audio_cached = random_count(random);
            if (random() % 8 == 0) raw.image_cached = random_count(random);
            if (random() % 4 == 0) raw.audio_out = random_count(random);
            if (random() % 4 == 0) raw.image_in = random_count(random);
            if (random() % 4 == 0) raw.image_out = random_count(random);
            if (random() % 4 == 0) raw.tool = random_count(random);
            if (random() % 4 == 0) raw.searches = static_cast<std::int64_t>(random() % 9);
            if (random() % 8 == 0) raw.milliseconds = random_count(random);
            const std::string tier(tiers[random() % tiers.size()]);
            const std::string day(days[random() % days.size()]);
            const std::string model =
                row.names[random() % row.names.size()] + std::string(ends[random() % ends.size()]);
            const bool is_fast = random() % 5 == 0;
            const bool is_us = random() % 5 == 0;
            const bool is_embedding = random() % 8 == 0;
            TokenUsage usage = usage_of(raw);
            ReferenceUse use = use_of(raw);
            if (random() % 4 == 0) {
                usage.query_count = use.units["query"] = static_cast<std::int64_t>(random() % 50);
                usage.page_count = use.units["page"] = static_cast<std::int64_t>(random() % 50);
                usage.image_count = use.units["image"] = static_cast<std::int64_t>(random() % 50);
                usage.character_count = use.units["character"] = random_count(random);
            }
            const auto wanted = reference().price(
                {row.provider, model, tier_key(tier), day, is_fast, is_us, is_embedding}, use);
            const auto got = PriceBook::bundled().price(
                {row.provider, model, is_embedding ? RequestKind::embedding : RequestKind::chat,
                 tier, *parse_iso8601(day + "T00:00:00Z"), is_fast ? "fast" : "",
                 is_us ? "us" : ""},
                usage);
            CAPTURE(row.provider, model, tier, day, is_fast, is_us, is_embedding);
            REQUIRE(wanted.has_value() == got.has_value());
            if (!got) {
                ++unpriced_count;
                continue;
            }
            ++priced_count;
            REQUIRE(got->cost.value == *wanted);
        }
    }
    CHECK(priced_count > 10'000);
    CHECK(unpriced_count > 100);
}

TEST_CASE("every recorded answer costs the same to both, to the nano-dollar") {
    const auto folder = corpus_folder();
    if (!folder) {
        std::puts("corpus: not there (HALTON_CORPUS), prices compared on random usages only");
        return;
    }
    struct Told {
        Raw raw;
        std::vector<std::pair<std::string, Raw>> parts;
        std::string speed, region;
        std::optional<double> provider_cost;
        std::int64_t queries = 0;
        bool has_usage = false;
    };
    const auto count = [](JsonView object, std::string_view key) {
        return object[key].as_integer().value_or(0);
    };
    std::map<std::string, Told> told;
    detail::for_each_line(*folder / "expected.jsonl", [&](JsonView item) {
        Told& entry = told[detail::to_string(item["id"])];
        const JsonView usage = item["usage_raw"];
        Raw& raw = entry.raw;
        raw.input = count(item, "input_tokens");
        raw.output = count(item, "output_tokens");
        raw.reasoning = count(item, "reasoning_tokens");
        raw.cache_read = count(item, "cache_read_tokens");
        raw.cache_write = count(item, "cache_write_tokens");
        raw.cache_write_1h = count(item, "cache_write_1h_tokens");
        raw.audio_in = count(item, "audio_input_tokens");
        raw.audio_out = count(item, "audio_output_tokens");
        raw.image_in = count(item, "image_input_tokens");
        raw.image_out = count(item, "image_output_tokens");
        raw.audio_cached = detail::count_modality(usage["cacheTokensDetails"], "AUDIO");
        raw.image_cached = detail::count_modality(usage["cacheTokensDetails"], "IMAGE");
        raw.has_cache_inside = item["input_includes_cache"].as_bool().value_or(false);
        raw.has_reasoning_inside = item["output_includes_reasoning"].as_bool().value_or(true);
        raw.searches = count(item["server_tool_use"], "web_search_requests");
        raw.tool = count(usage, "toolUsePromptTokenCount") + count(usage, "total_tool_use_tokens");
        raw.milliseconds = count(usage, "seconds") * 1000;
        entry.speed = detail::to_string(usage["speed"]);
        entry.region = detail::to_string(usage["inference_geo"]);
        entry.provider_cost = item["provider_cost_usd"].as_number();
        // With a key of the customer's own the gateway states its part and reckons the rest.
        if (usage["is_byok"].as_bool() == true && entry.provider_cost) {
            *entry.provider_cost +=
                usage["cost_details"]["upstream_inference_cost"].as_number().value_or(0);
        }
        if (const auto ticks = usage["cost_in_usd_ticks"].as_integer()) {
            entry.provider_cost = static_cast<double>(*ticks) / 1e10;
        }
        entry.queries = count(usage, "search_units") + count(usage["billed_units"], "search_units");
        entry.has_usage = usage.is_object();
        item["iterations"].for_each_element([&](JsonView part) {
            Raw of_part;
            of_part.input = count(part, "input_tokens");
            of_part.output = count(part, "output_tokens");
            of_part.cache_read = count(part, "cache_read_tokens");
            of_part.cache_write = count(part, "cache_write_tokens");
            entry.parts.emplace_back(detail::to_string(part["model"]), of_part);
        });
    });

    std::map<std::string, int> compared, stated, without;
    int item_count = 0, rowless_count = 0, uncounted_count = 0;
    for (const CorpusItem& item : load_corpus(*folder)) {
        const auto rows = replay(item.exchange, 4096);
        ++item_count;
        if (rows.size() != 1) {
            ++rowless_count;
            continue;
        }
        const CallRecord& row = rows.front();
        const Told& entry = told.at(item.id);
        CAPTURE(item.id, row.provider, row.model, item.expected.api, row.price_id);
        if (row.price_id == "reported") {
            REQUIRE(entry.provider_cost);
            // The corpus states dollars as decimals of at most 12 digits behind the point.
            const double exact = *entry.provider_cost * 1e9;
            CHECK(std::abs(exact - static_cast<double>(row.cost->value)) <= 0.5 + 1e-6);
            ++stated[row.provider];
            continue;
        }
        if (row.billing == BillingMode::free || row.billing == BillingMode::deferred ||
            !row.has_usage) {
            // Free, refused, charged elsewhere, or not counted: 0 or nothing, never an amount.
            CHECK(row.cost.value_or(NanoUsd{0}).value == 0);
            ++uncounted_count;
            continue;
        }
        Raw raw = entry.raw;
        // Billed units leave the cached tokens out.
        if (row.provider == "cohere") raw.cache_read = 0;
        // Not among the reported numbers: the answer's own list of what it did.
        if (raw.searches == 0) raw.searches = row.usage.web_search_count;
        // Amazon bills by the name that was asked for.
        std::string billed = row.model;
        if (row.provider == "bedrock" &&
            reference().find({"bedrock", row.requested_model, "rates", "2027-01-15"}) != nullptr) {
            billed = row.requested_model;
        } else if (row.requested_model.find("application-inference-profile") != std::string::npos) {
            // Nobody's name but the maker's: the one that Amazon sells it by, whatever its version.
            const std::regex sold_as("anthropic\\." + row.model + "(-v[0-9](:[0-9])?)?");
            for (const auto& listed : reference().rows())
                for (const std::string& name : listed.names)
                    if (listed.provider == "bedrock" && row.model.starts_with("claude-") &&
                        std::regex_match(name, sold_as))
                        billed = name;
        }
        const auto price_of = [&](const std::string& model, const Raw& used) {
            ReferenceUse use = use_of(used);
            use.units["query"] = entry.queries;
            use.units["page"] = row.usage.page_count;
            use.units["image"] = row.usage.image_count;
            use.units["character"] = row.usage.character_count;
            return reference().price(
                {row.provider, model, tier_key(row.service_tier), "2027-01-15",
                 entry.speed == "fast", entry.region == "us", row.kind == RequestKind::embedding},
                use);
        };
        std::optional<std::int64_t> wanted;
        if (entry.parts.empty()) {
            wanted = price_of(billed, raw);
        } else {
            wanted = 0;
            bool is_first = true;
            for (auto [model, part] : entry.parts) {
                if (is_first) part.searches = raw.searches;
                is_first = false;
                const auto cost = price_of(model.empty() ? billed : model, part);
                if (wanted && cost)
                    *wanted += *cost;
                else
                    wanted.reset();
            }
        }
        REQUIRE(wanted.has_value() == row.cost.has_value());
        if (!wanted) {
            ++without[row.provider];
            continue;
        }
        CHECK(row.cost->value == *wanted);
        ++compared[row.provider];
    }
    std::set<std::string> providers;
    for (const auto& [provider, number] : compared) providers.insert(provider);
    for (const auto& [provider, number] : stated) providers.insert(provider);
    for (const std::string& provider : providers) {
        std::printf(
            "prices %-11s %d priced twice, %d by what the provider states, %d without a price\n",
            provider.c_str(), compared[provider], stated[provider], without[provider]);
    }
    const auto sum_of = [](const std::map<std::string, int>& counts) {
        int sum = 0;
        for (const auto& [provider, number] : counts) sum += number;
        return sum;
    };
    std::printf(
        "prices: of %d items %d priced twice, %d by what the provider states, %d of a model without "
        "a price, %d without counts, %d without a row\n",
        item_count, sum_of(compared), sum_of(stated), sum_of(without), uncounted_count,
        rowless_count);
    CHECK(compared.size() >= 3);
}

TEST_CASE("every turn of a recorded WebSocket session costs the same to both") {
    const auto folder = corpus_folder();
    if (!folder) {
        std::puts("corpus: not there (HALTON_CORPUS), sessions are not priced");
        return;
    }
    struct Score {
        int sessions = 0, priced = 0, unknown = 0, uncounted = 0;
    };
    std::map<std::string, Score> scores;
    for (const RecordedSession& session : load_sessions(*folder)) {
        auto rows = play(session, {});
        CAPTURE(session.id, session.provider);
        // Of turns that failed the recording tells no counts.
        std::erase_if(rows, [](const CallRecord& row) { return row.status != "success"; });
        REQUIRE(rows.size() == session.told.size());
        Score& score = scores[session.provider];
        ++score.sessions;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const ToldTurn& told = session.told[i];
            const CallRecord& row = rows[i];
            CAPTURE(i, row.model, row.requested_model, row.price_id);
            REQUIRE((row.kind == RequestKind::audio) == told.is_transcription);
            if (!told.is_counted) {
                // No counts, no price: these are charged by the minute.
                CHECK_FALSE(row.cost);
                ++score.uncounted;
                continue;
            }
            Raw raw;
            raw.has_cache_inside = true;
            raw.has_reasoning_inside = !is_gemini(session);
            raw.input = told.input;
            raw.output = told.output;
            raw.reasoning = told.reasoning;
            raw.cache_read = told.cache_read;
            raw.audio_in = told.audio_in;
            raw.audio_out = told.audio_out;
            raw.image_in = told.image_in;
            raw.audio_cached = told.audio_cached;
            raw.image_cached = told.image_cached;
            raw.tool = told.tool;
            raw.milliseconds = told.milliseconds;
            raw.searches = row.usage.web_search_count;  // not among the reported numbers
            std::string model = session.expected.model;
            if (told.is_transcription || model.empty())
                model = row.model.empty() ? row.requested_model : row.model;
            const auto wanted = reference().price(
                {row.provider, model, "rates", "2027-01-15", false, false, false}, use_of(raw));
            REQUIRE(wanted.has_value() == row.cost.has_value());
            if (!wanted) {
                ++score.unknown;
                continue;
            }
            CHECK(row.cost->value == *wanted);
            // Sessions tell the modality of what was cached: nothing is guessed.
            CHECK(row.cost_state == CostState::exact);
            ++score.priced;
        }
    }
    int priced = 0;
    for (const auto& [provider, score] : scores) {
        priced += score.priced;
        std::printf(
            "prices of %d sessions of %s: %d turns priced twice, %d of a model without a price, "
            "%d without counts\n",
            score.sessions, provider.c_str(), score.priced, score.unknown, score.uncounted);
    }
    CHECK(priced > 20);
}

TEST_CASE("the list holds the facts that it was written from") {
    const auto folder = corpus_folder();
    const auto facts =
        folder ? folder->parent_path() / "pricing" / "rates.jsonl" : std::filesystem::path();
    if (!folder || !std::filesystem::exists(facts)) {
        std::puts("prices: no facts here to compare the list with");
        return;
    }
    const UtcTime snapshot = *parse_iso8601("2026-08-21T12:00:00Z");
    std::map<std::string, int> equal;
    detail::for_each_line(facts, [&](JsonView fact) {
        const std::string provider = detail::to_string(fact["provider"]);
        std::string model = detail::to_string(fact["model"]);
        if (!fact["input"].is_present() || fact["rule"].is_present()) return;
        for (const std::string_view prefix : {"bedrock/", "regional.", "cohere/"}) {
            if (model.starts_with(prefix)) model.erase(0, prefix.size());
        }
        CAPTURE(provider, model);
        if (model.find("commitment") != std::string::npos || model.ends_with("/models/")) return;
        const auto found =
            PriceBook::bundled().find({provider, model, RequestKind::chat, "", snapshot});
        REQUIRE(found);
        const Rates& rates = found->row.bands.front().rates[0];
        static constexpr std::array<std::pair<const char*, Rate>, 6> plain{
            {{"input", Rate::input},
             {"output", Rate::output},
             {"cache_read", Rate::cache_read},
             {"cache_write_1h", Rate::cache_write_1h},
             {"audio_input", Rate::audio_input},
             {"image_output", Rate::image_output}}};
        bool is_equal = true;
        for (const auto& [key, rate] : plain) {
            const auto dollars = fact[key].as_number();
            if (!dollars) continue;
            if (rates.get(rate) != scale_decimal(*dollars, 6)) is_equal = false;
        }
        ++equal[is_equal ? "equal" : provider + " differs: " + model];
    });
    int different = 0;
    for (const auto& [what, number] : equal) {
        if (what == "equal") continue;
        different += number;
        std::printf("prices: %s\n", what.c_str());
    }
    CHECK(equal["equal"] > 1500);
    // Names that the facts have twice, at two prices.
    CHECK(different <= 12);
}
