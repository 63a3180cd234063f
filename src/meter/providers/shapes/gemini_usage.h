// The `usageMetadata` object of Gemini's APIs, with the Live API's names for the output.
#pragma once

#include "meter/providers/shapes/shape.h"

namespace halton::meter::shapes {

// Takes over the counts when `usage` is an object. The last one counts, whole: chunks repeat the
// totals so far. Cached tokens are a part of the input, thoughts come on top of the output.
void read_gemini_usage(JsonView usage, Reading& reading);

}  // namespace halton::meter::shapes
