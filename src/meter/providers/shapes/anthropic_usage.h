// The `usage` object of Anthropic's API, wherever it is hosted.
#pragma once

#include "meter/providers/shapes/shape.h"

namespace halton::meter::shapes {

// Merges the counts into what is known when `usage` is an object: a key that is there replaces.
// Cached tokens stand beside the input, thinking is a part of the output, and `iterations` become
// calls of their own.
void read_anthropic_usage(JsonView usage, Reading& reading);

}  // namespace halton::meter::shapes
