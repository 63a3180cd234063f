#include "meter/usage_text.h"

#include <array>

#include <fmt/format.h>

#include "base/json.h"
#include "base/limits.h"

namespace halton::meter {

namespace {

struct Count {
    std::string_view name;
    std::int64_t TokenUsage::*field;
};
constexpr std::array counts{
    Count{"input", &TokenUsage::input},
    Count{"output", &TokenUsage::output},
    Count{"reasoning", &TokenUsage::reasoning},
    Count{"cache_read", &TokenUsage::cache_read},
    Count{"cache_write", &TokenUsage::cache_write},
    Count{"cache_write_1h", &TokenUsage::cache_write_1h},
    Count{"audio_input", &TokenUsage::audio_input},
    Count{"audio_output", &TokenUsage::audio_output},
    Count{"image_input", &TokenUsage::image_input},
    Count{"image_output", &TokenUsage::image_output},
    Count{"tool_input", &TokenUsage::tool_input},
    Count{"audio_input_ms", &TokenUsage::audio_input_ms},
    Count{"web_search", &TokenUsage::web_search_count},
    Count{"query", &TokenUsage::query_count},
    Count{"page", &TokenUsage::page_count},
    Count{"image", &TokenUsage::image_count},
    Count{"character", &TokenUsage::character_count},
    Count{"audio_cache_read", &TokenUsage::audio_cache_read},
    Count{"image_cache_read", &TokenUsage::image_cache_read},
};

struct Flag {
    std::string_view name;
    bool TokenUsage::*field;
};
constexpr std::array flags{
    Flag{"input_includes_cache", &TokenUsage::input_includes_cache},
    Flag{"output_includes_reasoning", &TokenUsage::output_includes_reasoning},
    Flag{"has_cache_write_split", &TokenUsage::has_cache_write_split},
    Flag{"has_cache_modalities", &TokenUsage::has_cache_modalities},
};

}  // namespace

std::string to_usage_text(const std::vector<SubCall>& calls) {
    if (calls.empty()) return {};
    static const TokenUsage nothing;
    std::string text = "[";
    for (const SubCall& call : calls) {
        if (text.size() > 1) text += ',';
        text += "{\"model\":";
        append_json_string(text, call.model);
        for (const Count& count : counts) {
            const std::int64_t value = call.usage.*count.field;
            if (value != 0) text += fmt::format(",\"{}\":{}", count.name, value);
        }
        for (const Flag& flag : flags) {
            const bool value = call.usage.*flag.field;
            if (value != nothing.*flag.field) text += fmt::format(",\"{}\":{}", flag.name, value);
        }
        text += '}';
    }
    return text + ']';
}

std::optional<std::vector<SubCall>> parse_usage_text(std::string_view text) {
    std::vector<SubCall> calls;
    if (text.empty()) return calls;
    JsonParser parser;
    const auto list = parser.parse(text);
    if (!list || !list->is_array()) return std::nullopt;
    bool is_good = true;
    list->for_each_element([&](JsonView element) {
        if (!element.is_object() || calls.size() >= limits::sub_calls_max) {
            is_good = false;
            return;
        }
        SubCall& call = calls.emplace_back();
        call.model = element["model"].as_string().value_or("");
        for (const Count& count : counts) {
            const std::int64_t value = element[count.name].as_integer().value_or(0);
            if (value < 0 || value > limits::token_count_max) is_good = false;
            call.usage.*count.field = value;
        }
        for (const Flag& flag : flags) {
            const auto value = element[flag.name].as_bool();
            if (value) call.usage.*flag.field = *value;
        }
    });
    if (!is_good) return std::nullopt;
    return calls;
}

}  // namespace halton::meter
