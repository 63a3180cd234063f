// No answer may crash the reader of any shape, and what it teaches must not depend on how it is
// cut. Counts are never negative, whatever the answer claims. The shapes are the provider table's.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "meter/answer.h"
#include "meter/error_class.h"
#include "meter/pricing.h"
#include "meter/providers/provider.h"

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
    if (reading.reported_cost && reading.reported_cost->value < 0) std::abort();
    text += reading.response_id + '|';
    if (reading.kind) text += name_of(*reading.kind);
    if (reading.refusal) text += reading.refusal->code + reading.refusal->message;
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
    static const std::set<const Shape*> all_shapes = [] {
        std::set<const Shape*> shapes;
        for (const Provider* provider : all_providers()) {
            for (const Host& host : provider->hosts) {
                for (const Endpoint& endpoint : host.endpoints) shapes.insert(endpoint.shape);
            }
        }
        return shapes;
    }();
    for (const Shape* shape : all_shapes) {
        const std::string whole = reading_of(*shape, bytes, size + 1);
        for (const std::size_t piece_bytes : {1, 3, 11}) {
            if (reading_of(*shape, bytes, piece_bytes) != whole) std::abort();
        }
    }
    return 0;
}
