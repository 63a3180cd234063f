// No answer may crash the reader of any shape, and what it teaches must not depend on how it is
// cut. Counts are never negative, whatever the answer claims.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "meter/answer.h"
#include "meter/error_class.h"
#include "meter/pricing.h"
#include "meter/providers/shapes/shapes.h"

using namespace halton;
using namespace halton::meter;

namespace {

std::string reading_of(const Shape& shape, std::string_view bytes, std::size_t piece_bytes) {
    static const http::HeaderList no_headers;
    JsonParser parser;
    AnswerReader reader(shape, no_headers, parser);
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
        const std::string piece(bytes.substr(at, piece_bytes));
        reader.feed(piece);
    }
    reader.finish(true);
    const Reading& reading = reader.reading();
    const TokenUsage& usage = reading.usage;
    std::string text = reading.model + '|' + reading.service_tier + '|';
    for (const std::int64_t count :
         {usage.input, usage.output, usage.reasoning, usage.cache_read, usage.cache_write,
          usage.cache_write_1h, usage.audio_input, usage.audio_output, usage.image_input,
          usage.image_output, usage.tool_input, usage.web_search_count, usage.audio_input_ms}) {
        if (count < 0) std::abort();
        text += std::to_string(count) + ' ';
    }
    text += std::to_string(reading.has_usage) + std::to_string(reader.is_whole()) +
            std::to_string(reading.sub_calls.size());
    if (reading.error) {
        text += classify(openai(), 200, *reading.error).provider_code;
    }
    const auto priced = PriceBook::bundled().price(
        {"openai", "gpt-4o", RequestKind::chat, reading.service_tier, UtcTime{}}, usage);
    if (priced && priced->cost.value < 0) std::abort();
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const Shape* shape :
         {&shapes::anthropic_messages, &shapes::openai_chat, &shapes::openai_chat_reasoning_apart,
          &shapes::openai_responses, &shapes::gemini_generate, &shapes::gemini_interactions}) {
        const std::string whole = reading_of(*shape, bytes, size + 1);
        for (const std::size_t piece_bytes : {1, 3, 11}) {
            if (reading_of(*shape, bytes, piece_bytes) != whole) std::abort();
        }
    }
    return 0;
}
