#include "meter/providers/shapes/bedrock_usage.h"

#include "base/text.h"

namespace halton::meter::shapes {

namespace {

// Some models' own form has both spellings, or the second only.
JsonView first_of(JsonView object, std::string_view a, std::string_view b) {
    const JsonView value = object[a];
    return value.is_present() && !value.is_null() ? value : object[b];
}

}  // namespace

void read_converse_usage(JsonView usage, Reading& reading) {
    if (!usage["inputTokens"].is_present() && !usage["outputTokens"].is_present()) return;
    TokenUsage counts;
    counts.input = to_count(usage["inputTokens"]);
    counts.output = to_count(usage["outputTokens"]);
    counts.cache_read =
        to_count(first_of(usage, "cacheReadInputTokens", "cacheReadInputTokenCount"));
    counts.cache_write =
        to_count(first_of(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount"));
    usage["cacheDetails"].for_each_element([&](JsonView part) {
        counts.has_cache_write_split = true;
        if (part["ttl"].as_string() == "1h") counts.cache_write_1h += to_count(part["inputTokens"]);
    });
    reading.usage = counts;
    reading.has_usage = true;
}

void read_bedrock_head(const http::HeaderList& headers, Reading& reading) {
    const std::string* input = headers.find("x-amzn-bedrock-input-token-count");
    const std::string* output = headers.find("x-amzn-bedrock-output-token-count");
    if (input != nullptr || output != nullptr) {
        reading.usage.input = to_count(input);
        reading.usage.output = to_count(output);
        reading.usage.cache_read =
            to_count(headers.find("x-amzn-bedrock-cache-read-input-token-count"));
        reading.usage.cache_write =
            to_count(headers.find("x-amzn-bedrock-cache-write-input-token-count"));
        reading.has_usage = true;
    }
    // "ValidationException:http://internal.amazon.com/..."
    if (const std::string* type = headers.find("x-amzn-errortype")) {
        refusal_of(reading).code = type->substr(0, type->find(':'));
    }
}

}  // namespace halton::meter::shapes
