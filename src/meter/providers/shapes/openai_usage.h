// The `usage` object of OpenAI's APIs in both of its spellings.
#pragma once

#include "meter/providers/shapes/shape.h"

namespace halton::meter::shapes {

// Takes over the counts when `usage` is an object with any. prompt_tokens/completion_tokens is
// the older spelling, input_tokens/output_tokens the newer one. Cached tokens and cache writes
// are parts of the input, reasoning is a part of the output.
void read_openai_usage(JsonView usage, Reading& reading);

// What the provider's own tools did, from the types of the output's items and of their actions, as
// a '+' path picks them: counts searches, and marks what is charged that nothing counts. Comes
// behind the usage, which replaces all counts.
void read_openai_items(std::string_view types, std::string_view actions, Reading& reading);

}  // namespace halton::meter::shapes
