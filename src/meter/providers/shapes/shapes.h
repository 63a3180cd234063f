// The shapes there are, one file each.
#pragma once

#include "meter/providers/shapes/shape.h"

namespace halton::meter::shapes {

// Anthropic's Messages API, whole or as events (message_start ... message_stop).
extern const Shape anthropic_messages;

// OpenAI's chat completions and everything with a plain `usage` object: legacy completions,
// embeddings, transcriptions, images, token counts. Ends with "[DONE]".
extern const Shape openai_chat;
// The same where reasoning comes on top of the completion count (xAI).
extern const Shape openai_chat_reasoning_apart;

// OpenAI's Responses API. Ends with response.completed, .incomplete or .failed.
extern const Shape openai_responses;

// Gemini's generateContent family, events or a JSON array, wrapped in "response" or not.
extern const Shape gemini_generate;

// Gemini's interactions.
extern const Shape gemini_interactions;

}  // namespace halton::meter::shapes
