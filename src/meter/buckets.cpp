#include "meter/buckets.h"

#include <algorithm>

namespace halton::meter {

Buckets buckets_of(const TokenUsage& usage) {
    Buckets buckets;
    const std::int64_t cached = usage.cache_read + usage.cache_write;
    buckets.prompt =
        usage.input_includes_cache ? std::max(usage.input, cached) : usage.input + cached;
    // A cached token is a token of its modality too: counted once, as cached.
    if (usage.input_includes_cache) {
        buckets.audio_cache_read = std::min(usage.audio_cache_read, usage.cache_read);
        buckets.image_cache_read =
            std::min(usage.image_cache_read, usage.cache_read - buckets.audio_cache_read);
    }
    const std::int64_t told_apart = buckets.audio_cache_read + buckets.image_cache_read;
    buckets.cache_read = usage.cache_read - told_apart;
    buckets.cache_write_1h = std::min(usage.cache_write_1h, usage.cache_write);
    buckets.cache_write_5m = usage.cache_write - buckets.cache_write_1h;
    const std::int64_t audio_input = usage.audio_input - buckets.audio_cache_read;
    const std::int64_t image_input = usage.image_input - buckets.image_cache_read;
    buckets.audio_input = std::max<std::int64_t>(audio_input, 0);
    buckets.image_input = std::max<std::int64_t>(image_input, 0);
    buckets.tool_input = usage.tool_input;
    buckets.audio_output = usage.audio_output;
    buckets.image_output = usage.image_output;
    if (!usage.output_includes_reasoning) buckets.reasoning = usage.reasoning;

    const std::int64_t parts_in = buckets.audio_input + buckets.image_input;
    const std::int64_t parts_out = usage.audio_output + usage.image_output;
    const std::int64_t fresh = usage.input - (usage.input_includes_cache ? cached : 0) - parts_in;
    const std::int64_t output = usage.output - parts_out;
    buckets.fresh_input = std::max<std::int64_t>(fresh, 0);
    buckets.output = std::max<std::int64_t>(output, 0);
    const std::int64_t untold = usage.has_cache_modalities ? usage.cache_write : cached;
    const bool is_overlapping = usage.input_includes_cache && untold > 0 && parts_in > 0;
    const bool is_told_well = audio_input >= 0 && image_input >= 0 &&
                              (!usage.input_includes_cache ||
                               told_apart == usage.audio_cache_read + usage.image_cache_read);
    buckets.is_sure = fresh >= 0 && output >= 0 && !is_overlapping && is_told_well &&
                      usage.cache_write_1h <= usage.cache_write;
    return buckets;
}

}  // namespace halton::meter
