// The corpus of recorded exchanges and what an independent reader made of them.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "support/replay.h"

namespace halton::test {

// Expectations in terms of row columns; tests/fixtures/README.md has the mapping.
struct CorpusExpectation {
    std::string api;
    std::string model;  // empty: nothing states one
    std::string kind;
    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t cache_read = 0;
    std::int64_t cache_write = 0;
    std::int64_t cache_write_1h = 0;
    std::int64_t reasoning = 0;
    // What the reader of the corpus did not look for is absent and not compared.
    std::optional<std::int64_t> audio_input;
    std::optional<std::int64_t> audio_output;
    std::optional<std::int64_t> image_input;
    std::optional<std::int64_t> image_output;
    std::optional<bool> input_includes_cache;
    std::optional<bool> output_includes_reasoning;
    std::optional<std::string> service_tier;
    std::string error_code;
    std::string status;
    bool tokens_complete = true;
    std::optional<std::int64_t> provider_cost_nanousd;
    bool is_byok = false;  // the stated cost leaves out what the customer's own key is charged
};

struct CorpusItem {
    std::string id;
    std::string provider;  // as the corpus calls it
    RecordedExchange exchange;
    CorpusExpectation expected;
};

namespace detail {

inline std::string to_string(JsonView value) { return std::string(value.as_string().value_or("")); }

inline std::string decode_base64(std::string_view text) {
    std::string bytes;
    std::uint32_t bits = 0;
    int bit_count = 0;
    for (const char c : text) {
        static constexpr std::string_view alphabet =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const std::size_t value = alphabet.find(c);
        if (value == std::string_view::npos) continue;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        if ((bit_count += 6) < 8) continue;
        bit_count -= 8;
        bytes.push_back(static_cast<char>(bits >> bit_count & 0xFF));
    }
    return bytes;
}

inline std::string read_body(JsonView item, const std::string& side) {
    std::string text = to_string(item[side + "_body"]);
    return item[side + "_body_encoding"].as_string() == "base64" ? decode_base64(text) : text;
}

inline std::vector<http::Header> read_headers(JsonView object) {
    std::vector<http::Header> headers;
    object.for_each_member([&](std::string_view name, JsonView value) {
        if (name != "transfer-encoding") {
            headers.push_back({std::string(name), to_string(value)});
        }
    });
    return headers;
}

inline CorpusExpectation read_expectation(JsonView item) {
    const auto count = [&](std::string_view key) { return item[key].as_integer().value_or(0); };
    CorpusExpectation expected;
    expected.api = to_string(item["api"]);
    expected.model = to_string(item["model"]);
    expected.kind = to_string(item["request_kind"]);
    expected.input = count("input_tokens");
    expected.output = count("output_tokens");
    expected.cache_read = count("cache_read_tokens");
    expected.cache_write = count("cache_write_tokens");
    expected.cache_write_1h = count("cache_write_1h_tokens");
    expected.reasoning = count("reasoning_tokens");
    expected.audio_input = item["audio_input_tokens"].as_integer();
    expected.audio_output = item["audio_output_tokens"].as_integer();
    expected.image_input = item["image_input_tokens"].as_integer();
    expected.image_output = item["image_output_tokens"].as_integer();
    expected.input_includes_cache = item["input_includes_cache"].as_bool();
    expected.output_includes_reasoning = item["output_includes_reasoning"].as_bool();
    if (const auto tier = item["service_tier"].as_string()) expected.service_tier = *tier;
    if (const auto cost = item["provider_cost_usd"].as_number()) {
        expected.provider_cost_nanousd = std::llround(*cost * 1e9);
    }

    // Rows keep Google's and Anthropic's word, OpenAI's code before its type, and a number where
    // there is nothing else.
    const std::string type = to_string(item["error_type"]);
    std::string code = to_string(item["error_code"]);
    if (code.empty()) code = type;
    if (const auto number = item["error_code"].as_integer(); number && code.empty()) {
        code = std::to_string(*number);
    }
    expected.error_code = to_safe_text(code, limits::error_code_bytes_max);

    const std::int64_t http_status = count("http_status");
    bool is_error = http_status >= 400 || item["error_in_stream"].as_bool() == true ||
                    !expected.error_code.empty();
    item["flags"].for_each_element([&](JsonView flag) {
        if (flag.as_string() == "sse_error_field_line") is_error = true;
        if (flag.as_string() == "openrouter_byok") expected.is_byok = true;
    });
    expected.status = is_error ? "error" : "success";

    // Complete: refusals always; streams by their own end mark, and with counts; other answers
    // when they have counts or are of a kind that need not have any.
    const bool has_counts = item["usage_raw"].is_object();
    const bool needs_counts =
        (expected.kind == "chat") || expected.api == "openai.embeddings";
    if (http_status >= 400) expected.tokens_complete = true;
    else if (item["streaming"].as_bool() == true) {
        expected.tokens_complete = item["stream_complete"].as_bool() == true && has_counts;
    } else {
        expected.tokens_complete = has_counts || !needs_counts;
    }
    // A batch is charged when it runs.
    if (expected.api == "anthropic.batches") expected.tokens_complete = false;
    return expected;
}

template <class OnLine>
void for_each_line(const std::filesystem::path& path, OnLine on_line) {
    std::ifstream file(path);
    JsonParser parser;
    for (std::string line; std::getline(file, line);) {
        const auto value = parser.parse(line);
        if (!value) throw std::runtime_error(path.string() + " holds a line that is not JSON");
        on_line(*value);
    }
}

}  // namespace detail

// HALTON_CORPUS, else ../shared/corpus beside the source tree; nothing when it is not there.
inline std::optional<std::filesystem::path> corpus_folder() {
    const char* set = std::getenv("HALTON_CORPUS");
    const char* source_root = std::getenv("HALTON_SOURCE_ROOT");
    const std::filesystem::path folder =
        set != nullptr
            ? std::filesystem::path(set)
            : std::filesystem::path(source_root != nullptr ? source_root : ".") / "../shared/corpus";
    if (!std::filesystem::exists(folder / "expected.jsonl")) return std::nullopt;
    return folder;
}

// Every HTTP item; WebSocket sessions are left out.
inline std::vector<CorpusItem> load_corpus(const std::filesystem::path& folder) {
    std::map<std::string, CorpusExpectation> expectations;
    detail::for_each_line(folder / "expected.jsonl", [&](JsonView item) {
        expectations[detail::to_string(item["id"])] = detail::read_expectation(item);
    });
    std::vector<CorpusItem> items;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with("corpus-") || !name.ends_with(".jsonl")) continue;
        detail::for_each_line(entry.path(), [&](JsonView item) {
            if (item["transport"].as_string() == "websocket") return;
            CorpusItem loaded;
            loaded.id = detail::to_string(item["id"]);
            loaded.provider = detail::to_string(item["provider"]);
            loaded.expected = expectations.at(loaded.id);
            RecordedExchange& exchange = loaded.exchange;
            exchange.host = detail::to_string(item["host"]);
            exchange.method = detail::to_string(item["method"]);
            exchange.target = detail::to_string(item["path"]);
            exchange.request_headers = detail::read_headers(item["request_headers"]);
            exchange.request_body = detail::read_body(item, "request");
            exchange.status = static_cast<int>(item["status"].as_integer().value_or(0));
            exchange.response_headers = detail::read_headers(item["response_headers"]);
            exchange.response_body = detail::read_body(item, "response");
            items.push_back(std::move(loaded));
        });
    }
    return items;
}

}  // namespace halton::test
