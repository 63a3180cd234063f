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

// Bedrock's one form for all models, whole or as messages (... metadata); errors in the head.
extern const Shape bedrock_converse;
// Bedrock with every maker's own form; counts and errors in the head, or metrics at the end.
extern const Shape bedrock_invoke;

// Cohere's chat (both versions), embeddings and rerank: billed units.
extern const Shape cohere;

// Deepgram's transcriptions: seconds.
extern const Shape deepgram;

// Ollama's own API: one document, or lines of them with the counts in the last.
extern const Shape ollama;

// Replicate's predictions.
extern const Shape replicate;

// Hugging Face's text generation inference: counts in the head.
extern const Shape tgi;

// Vertex AI's predict: embeddings count each text.
extern const Shape vertex_predict;

// watsonx.ai's text generation.
extern const Shape watsonx;

}  // namespace halton::meter::shapes
