#include "meter/buckets.h"

#include "support/catch.h"

using namespace halton::meter;

TEST_CASE("cached tokens beside the input (Anthropic)") {
    TokenUsage usage;
    usage.input = 100;
    usage.cache_read = 2000;
    usage.cache_write = 300;
    usage.cache_write_1h = 250;
    usage.output = 40;
    usage.reasoning = 30;
    const Buckets buckets = buckets_of(usage);
    CHECK(buckets.fresh_input == 100);
    CHECK(buckets.cache_read == 2000);
    CHECK(buckets.cache_write_5m == 50);
    CHECK(buckets.cache_write_1h == 250);
    CHECK(buckets.output == 40);
    CHECK(buckets.reasoning == 0);
    CHECK(buckets.prompt == 2400);
    CHECK(buckets.total_input() == 2400);
    CHECK(buckets.total_output() == 40);
    CHECK(buckets.is_sure);
}

TEST_CASE("cached tokens inside the input, reasoning beside the output (Gemini)") {
    TokenUsage usage;
    usage.input_includes_cache = true;
    usage.output_includes_reasoning = false;
    usage.input = 1000;
    usage.cache_read = 600;
    usage.tool_input = 70;
    usage.output = 40;
    usage.reasoning = 30;
    usage.image_output = 10;
    const Buckets buckets = buckets_of(usage);
    CHECK(buckets.fresh_input == 400);
    CHECK(buckets.prompt == 1000);
    CHECK(buckets.total_input() == 1070);
    CHECK(buckets.output == 30);
    CHECK(buckets.reasoning == 30);
    CHECK(buckets.total_output() == 70);
    CHECK(buckets.is_sure);
}

TEST_CASE("counts that contradict each other are never negative, and never sure") {
    TokenUsage usage;
    usage.input_includes_cache = true;
    usage.input = 10;
    usage.cache_read = 50;
    CHECK(buckets_of(usage).fresh_input == 0);
    CHECK(buckets_of(usage).prompt == 50);
    CHECK_FALSE(buckets_of(usage).is_sure);

    usage = {};
    usage.output = 5;
    usage.audio_output = 9;
    CHECK(buckets_of(usage).output == 0);
    CHECK_FALSE(buckets_of(usage).is_sure);

    usage = {};
    usage.cache_write = 5;
    usage.cache_write_1h = 9;
    CHECK(buckets_of(usage).cache_write_5m == 0);
    CHECK(buckets_of(usage).cache_write_1h == 5);
    CHECK_FALSE(buckets_of(usage).is_sure);

    // Which modality was cached is not told.
    usage = {};
    usage.input_includes_cache = true;
    usage.input = 100;
    usage.cache_read = 10;
    usage.audio_input = 20;
    CHECK(buckets_of(usage).fresh_input == 70);
    CHECK_FALSE(buckets_of(usage).is_sure);
}

TEST_CASE("cached sound and pictures are counted once, where they are told apart") {
    TokenUsage usage;
    usage.input_includes_cache = usage.has_cache_modalities = true;
    usage.input = 139;
    usage.cache_read = 64;
    usage.audio_input = 96;
    usage.audio_cache_read = 64;
    Buckets buckets = buckets_of(usage);
    CHECK(buckets.fresh_input == 43);
    CHECK(buckets.audio_input == 32);
    CHECK(buckets.audio_cache_read == 64);
    CHECK(buckets.cache_read == 0);
    CHECK(buckets.prompt == 139);
    CHECK(buckets.is_sure);

    usage.audio_cache_read = 30;
    usage.image_cache_read = usage.image_input = 14;
    buckets = buckets_of(usage);
    CHECK(buckets.fresh_input == 139 - 64 - 66);
    CHECK(buckets.image_input == 0);
    CHECK(buckets.image_cache_read == 14);
    CHECK(buckets.cache_read == 20);
    CHECK(buckets.is_sure);

    // None of it, which is something that was told.
    usage.audio_cache_read = usage.image_cache_read = 0;
    usage.input = 200;
    CHECK(buckets_of(usage).is_sure);
    usage.has_cache_modalities = false;
    CHECK_FALSE(buckets_of(usage).is_sure);
    usage.has_cache_modalities = true;
    usage.audio_cache_read = 65;
    CHECK(buckets_of(usage).audio_cache_read == 64);
    CHECK_FALSE(buckets_of(usage).is_sure);
}
