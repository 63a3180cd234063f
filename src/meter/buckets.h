// Buckets: the counts of a call as they are billed, each token in exactly one of them. Providers
// disagree on whether cached tokens are a part of the input and reasoning a part of the output;
// here that is undone. Pure.
#pragma once

#include <cstdint>

#include "meter/call.h"

namespace halton::meter {

struct Buckets {
    std::int64_t fresh_input = 0;  // text that no cache served
    std::int64_t cache_read = 0;   // text, and what is not told apart
    std::int64_t audio_cache_read = 0;
    std::int64_t image_cache_read = 0;
    std::int64_t cache_write_5m = 0;  // the default lifetime, where a provider has only one
    std::int64_t cache_write_1h = 0;
    std::int64_t audio_input = 0;  // that no cache served, as far as it is told
    std::int64_t image_input = 0;
    std::int64_t tool_input = 0;
    std::int64_t output = 0;     // text, with the reasoning that is a part of it
    std::int64_t reasoning = 0;  // reasoning that comes on top
    std::int64_t audio_output = 0;
    std::int64_t image_output = 0;
    // False: the counts contradict each other, or it is not told which modality was cached.
    bool is_sure = true;

    // The whole prompt, which decides on the price step of a call: without tool prompts.
    std::int64_t prompt = 0;
    std::int64_t total_input() const { return prompt + tool_input; }
    std::int64_t total_output() const { return output + reasoning + audio_output + image_output; }
    // Whether anything at all is billed by the token.
    bool has_tokens() const {
        return fresh_input + cache_read + audio_cache_read + image_cache_read + cache_write_5m +
                   cache_write_1h + audio_input + image_input + tool_input + total_output() >
               0;
    }
};

Buckets buckets_of(const TokenUsage& usage);

}  // namespace halton::meter
