// The `usage` object of OpenAI's APIs in both of its spellings.
#pragma once

#include "meter/providers/shapes/shape.h"

namespace halton::meter::shapes {

// Takes over the counts when `usage` is an object with any. prompt_tokens/completion_tokens is
// the older spelling, input_tokens/output_tokens the newer one. Cached tokens and cache writes
// are parts of the input, reasoning is a part of the output.
void read_openai_usage(JsonView usage, Reading& reading);

}  // namespace halton::meter::shapes
