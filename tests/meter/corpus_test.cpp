// Replays the recorded exchanges of HALTON_CORPUS (default: ../shared/corpus beside the source
// tree) through the observer and compares every row with the independent expectation. Skipped
// with a line saying so when there is no corpus. tests/fixtures/README.md describes the mapping.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <sstream>

#include "meter/custom_providers.h"
#include "meter/providers/provider.h"
#include "support/catch.h"
#include "support/corpus.h"
#include "support/replay.h"

using namespace halton;
using namespace halton::test;
using namespace std::string_view_literals;

namespace {

// Items whose row differs from the expectation on purpose, each with its reason. At most five.
struct Exception {
    std::string_view id;
    std::string_view reason;
};
constexpr std::array exceptions{
    Exception{"c-d6d18ef4bcd4",
              "a refused streamRawPredict: the path says that it is a chat, the expectation looks "
              "at answers only"},
};

// Formats at decrypted hosts that leave no row on purpose.
struct Unmetered {
    std::string_view api;
    std::string_view reason;
};
constexpr std::array unmetered_formats{
    Unmetered{"anthropic.batches", "status and results can be fetched any number of times"},
    Unmetered{"openai.assistants.runs", "runs are polled and repeat their counts; switched off"},
    Unmetered{"openai.moderations", "free"},
    Unmetered{"openai.realtime.session", "opens a session, counts come over it"},
    Unmetered{"openai.responses.retrieve",
              "counts once, when the call that began it was seen; here it stands alone"},
    Unmetered{"replicate.predictions", "as above, or no model call"},
    Unmetered{"bedrock.agent", "a look-up in a store of documents"},
    Unmetered{"sagemaker.invocations", "a machine of one's own, paid by the hour"},
    Unmetered{"other", "files, models, stores: no model call"},
};

// Where nobody's name is the host: what a user would write under [[provider.custom]].
struct Private {
    std::string_view provider;  // as the corpus calls it
    std::vector<std::string_view> shapes;
};
const std::array private_hosts{
    Private{"gpustack", {"openai"}},
    Private{"litellm-proxy", {"openai"}},
    Private{"lmstudio", {"openai"}},
    Private{"ollama", {"ollama", "openai"}},
    Private{"openai-compatible-local", {"openai"}},
    Private{"pydantic-gateway", {"anthropic", "bedrock", "gemini", "openai"}},
    Private{"snowflake", {"openai"}},
};

// The table of a user who added the item's host.
meter::ProviderTable make_table(const CorpusItem& item) {
    std::vector<config::CustomProvider> added;
    for (const Private& entry : private_hosts) {
        if (entry.provider != item.provider) continue;
        for (const std::string_view shape : entry.shapes) {
            added.push_back({item.exchange.host, std::string(shape), item.provider});
        }
    }
    return meter::ProviderTable(added);
}

std::string to_text(const meter::CallRecord& row) {
    std::ostringstream out;
    out << "model=" << row.model << " kind=" << name_of(row.kind) << " in=" << row.usage.input
        << " out=" << row.usage.output << " reasoning=" << row.usage.reasoning
        << " read=" << row.usage.cache_read << " write=" << row.usage.cache_write
        << " write1h=" << row.usage.cache_write_1h << " audio=" << row.usage.audio_input << '/'
        << row.usage.audio_output << " image=" << row.usage.image_input << '/'
        << row.usage.image_output << " code=" << (row.error ? row.error->provider_code : "")
        << " complete=" << row.tokens_complete << " mode=" << row.mode
        << " tier=" << row.service_tier;
    return out.str();
}

// What is wrong with the row, empty when nothing is.
std::string compare(const CorpusItem& item, const std::vector<meter::CallRecord>& rows,
                    bool is_metered) {
    const CorpusExpectation& expected = item.expected;
    if (!is_metered) return rows.empty() ? "" : "a row for an unmetered path";
    if (rows.size() != 1) return std::to_string(rows.size()) + " rows";
    const meter::CallRecord& row = rows.front();
    std::string wrong;
    const auto check = [&](std::string_view what, const auto& got, const auto& wanted) {
        if (got == wanted) return;
        std::ostringstream out;
        out << what << '=' << got << " instead of " << wanted << "; ";
        wrong += out.str();
    };
    if (!expected.model.empty()) check("model", row.model, expected.model);
    check("kind", name_of(row.kind), expected.kind);
    check("input", row.usage.input, expected.input);
    check("output", row.usage.output, expected.output);
    check("cache_read", row.usage.cache_read, expected.cache_read);
    check("cache_write", row.usage.cache_write, expected.cache_write);
    check("cache_write_1h", row.usage.cache_write_1h, expected.cache_write_1h);
    check("reasoning", row.usage.reasoning, expected.reasoning);
    const auto check_stated = [&](std::string_view what, const auto& got, const auto& wanted) {
        if (wanted) check(what, got, *wanted);
    };
    check_stated("audio_input", row.usage.audio_input, expected.audio_input);
    check_stated("audio_output", row.usage.audio_output, expected.audio_output);
    check_stated("image_input", row.usage.image_input, expected.image_input);
    check_stated("image_output", row.usage.image_output, expected.image_output);
    // Only matters where there is something cached, or reasoned.
    if (expected.cache_read + expected.cache_write > 0) {
        check_stated("input_includes_cache", row.usage.input_includes_cache,
                     expected.input_includes_cache);
    }
    if (expected.reasoning > 0) {
        check_stated("output_includes_reasoning", row.usage.output_includes_reasoning,
                     expected.output_includes_reasoning);
    }
    check_stated("service_tier", row.service_tier, expected.service_tier);
    check("error code", row.error ? row.error->provider_code : "", expected.error_code);
    check("status", row.status, expected.status);
    check("http_status", row.http_status, item.exchange.status);
    check("tokens_complete", row.tokens_complete, expected.tokens_complete);
    // A gateway's own cost behind an OpenAI-shaped answer is not what OpenAI charges.
    const bool states_cost = row.provider == "xai" || row.provider == "openrouter" ||
                             row.provider == "perplexity";
    if (states_cost && !expected.is_byok && expected.provider_cost_nanousd) {
        check("cost", row.cost.value_or(NanoUsd{-1}).value, *expected.provider_cost_nanousd);
        check("rates_source", row.rates_source, "provider"sv);
    }
    return wrong;
}

}  // namespace

TEST_CASE("the corpus of recorded exchanges meters as expected") {
    const auto folder = corpus_folder();
    if (!folder) {
        std::puts("corpus: not there (HALTON_CORPUS), replay skipped");
        return;
    }
    struct Score {
        int total = 0;
        int matched = 0;
        int metered = 0;
        int priced = 0;
    };
    std::map<std::string, Score> scores;
    Score all;
    std::set<std::string> unpriced;
    std::map<std::string, int> unmetered;
    for (const CorpusItem& item : load_corpus(*folder)) {
        const RecordedExchange& exchange = item.exchange;
        const meter::ProviderTable table = make_table(item);
        const meter::HostMatch place = table.find_host(exchange.host);
        const meter::Endpoint* endpoint =
            place.host == nullptr ? nullptr
                                  : meter::find_endpoint(*place.host, exchange.method,
                                                         http::path_of(exchange.target));
        const bool is_metered =
            endpoint != nullptr && endpoint->billing != meter::Billing::retrieval;
        Score& score = scores[item.provider];
        ++score.total;
        if (is_metered) ++score.metered;
        else ++unmetered[item.expected.api];

        std::string wrong;
        std::string got;
        std::string first;
        for (const std::size_t piece : {exchange.response_body.size() + 1, std::size_t{1},
                                        std::size_t{7}, std::size_t{1400}}) {
            if (piece == 1 && exchange.response_body.size() > 100'000) continue;
            const auto rows = replay(exchange, piece, true, meter::PriceBook::bundled(), &table);
            wrong = compare(item, rows, is_metered);
            // What leaves no row must be nothing to charge, a host that nobody meters not more.
            if (!is_metered && item.expected.kind != "other") wrong = "no row";
            got = rows.empty() ? "no row" : to_text(rows.front());
            if (first.empty()) first = got;
            if (first != got) wrong += "differs by chunking; ";
            if (!wrong.empty()) break;
            if (!rows.empty()) {
                if (rows[0].cost) score.priced += piece == 7;
                else if (rows[0].has_usage) unpriced.insert(rows[0].provider + "/" + rows[0].model);
            }
        }
        bool is_named = false;
        for (const Exception& exception : exceptions) is_named |= exception.id == item.id;
        CAPTURE(item.id, exchange.host, exchange.method, exchange.target, item.expected.api, wrong,
                got, is_named);
        // An exception that matches is out of date.
        CHECK(wrong.empty() != is_named);
        if (wrong.empty()) ++score.matched;
    }
    for (const auto& [provider, score] : scores) {
        std::printf("corpus %-24s %d of %d matched (%d metered, %d of them with a cost)\n",
                    provider.c_str(), score.matched, score.total, score.metered, score.priced);
        all.matched += score.matched;
        all.total += score.total;
    }
    std::printf("corpus: %d of %d matched\n", all.matched, all.total);
    for (const auto& [api, count] : unmetered) {
        const auto known = std::find_if(unmetered_formats.begin(), unmetered_formats.end(),
                                        [&](const Unmetered& row) { return row.api == api; });
        CAPTURE(api);
        CHECK(known != unmetered_formats.end());
        if (known == unmetered_formats.end()) continue;
        std::printf("corpus: no row for %d of %s: %s\n", count, api.c_str(),
                    std::string(known->reason).c_str());
    }
    for (const Exception& exception : exceptions) {
        std::printf("corpus: %s differs: %s\n", std::string(exception.id).c_str(),
                    std::string(exception.reason).c_str());
    }
    for (const std::string& model : unpriced) {
        std::printf("corpus: no price for %s\n", model.c_str());
    }
    CHECK(exceptions.size() <= 5);
}
