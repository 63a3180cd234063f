#include "meter/buckets.h"

#include <algorithm>

namespace halton::meter {

Buckets buckets_of(const TokenUsage& usage) {
    Buckets buckets;
    const std::int64_t cached = usage.cache_read + usage.cache_write;
    buckets.prompt =
        usage.input_includes_cache ? std::max(usage.input, cached) : usage.input + cached;
    buckets.cache_read = usage.cache_read;
    buckets.cache_write_1h = std::min(usage.cache_write_1h, usage.cache_write);
    buckets.cache_write_5m = usage.cache_write - buckets.cache_write_1h;
    buckets.audio_input = usage.audio_input;
    buckets.image_input = usage.image_input;
    buckets.tool_input = usage.tool_input;
    buckets.audio_output = usage.audio_output;
    buckets.image_output = usage.image_output;
    if (!usage.output_includes_reasoning) buckets.reasoning = usage.reasoning;

    const std::int64_t parts_in = usage.audio_input + usage.image_input;
    const std::int64_t parts_out = usage.audio_output + usage.image_output;
    const std::int64_t fresh = usage.input - (usage.input_includes_cache ? cached : 0) - parts_in;
    const std::int64_t output = usage.output - parts_out;
    buckets.fresh_input = std::max<std::int64_t>(fresh, 0);
    buckets.output = std::max<std::int64_t>(output, 0);
    const bool is_overlapping = usage.input_includes_cache && cached > 0 && parts_in > 0;
    buckets.is_sure =
        fresh >= 0 && output >= 0 && !is_overlapping && usage.cache_write_1h <= usage.cache_write;
    return buckets;
}

}  // namespace halton::meter
