// What Bedrock's two runtime shapes share: the `usage` object of Converse, and the response's head.
#pragma once

#include "meter/providers/shapes/shape.h"

namespace halton::meter::shapes {

// Takes over the counts when `usage` is an object of that spelling ("inputTokens"), whole. Cached
// tokens stand beside the input.
void read_converse_usage(JsonView usage, Reading& reading);

// "x-amzn-bedrock-input-token-count" and its like; the code of "x-amzn-errortype".
void read_bedrock_head(const http::HeaderList& headers, Reading& reading);

}  // namespace halton::meter::shapes
