// Every maker's own body behind one path: the counts are looked for under all their names, and the
// fields of the head and Bedrock's metrics at the end of a stream stand in where a body has none.
#include "base/limits.h"
#include "meter/providers/shapes/anthropic_usage.h"
#include "meter/providers/shapes/bedrock_usage.h"
#include "meter/providers/shapes/openai_usage.h"
#include "meter/providers/shapes/shapes.h"

namespace halton::meter::shapes {

namespace {

enum Pick : std::size_t {
    type,
    model,
    usage,
    message,        // a text: the body of a refusal
    message_model,  // Anthropic's message_start
    message_usage,
    nova_usage,
    metrics,
    titan_input,
    titan_output,
    titan_results,
    llama_input,
    llama_output,
    embedding_form,
    embedding_type,
    relevance,
    error,
};
constexpr JsonPaths paths{"type",
                          "model",
                          "usage",
                          "message",
                          "message.model",
                          "message.usage",
                          "metadata.usage",
                          "amazon-bedrock-invocationMetrics",
                          "inputTextTokenCount",
                          "totalOutputTextTokenCount",
                          "results[].tokenCount+",
                          "prompt_token_count",
                          "generation_token_count",
                          "response_type",
                          "embeddings[].embeddingType",
                          "results[].relevance_score",
                          "error"};

EventUse judge(const http::SseEvent& event, const Reading&) {
    const std::string_view data = event.data;
    // What makes up the bulk of a stream: Anthropic's and Nova's pieces of text.
    if (data.starts_with(R"({"type":"content_block)")) return EventUse::skip;
    if (data.starts_with(R"({"contentBlock)")) return EventUse::skip;
    return EventUse::read;
}

void read_usage(JsonView value, Reading& reading) {
    if (value["inputTokens"].is_present()) return read_converse_usage(value, reading);
    if (value["prompt_tokens"].is_present()) return read_openai_usage(value, reading);
    read_anthropic_usage(value, reading);
}

// Counts beside the text, in a stream the input in one document and the output in a later one.
void read_plain_counts(const Document& document, Reading& reading) {
    const auto take = [&](Pick pick, std::int64_t& count) {
        if (document.text(pick).empty()) return;
        count = sum_of(document.text(pick));
        reading.has_usage = true;
    };
    take(titan_input, reading.usage.input);
    take(titan_output, reading.usage.output);
    take(titan_results, reading.usage.output);
    take(llama_input, reading.usage.input);
    take(llama_output, reading.usage.output);
}

void read_metrics(JsonView value, Reading& reading) {
    if (!value.is_object()) return;
    reading.is_ended = true;
    if (reading.has_usage) return;
    reading.usage.input = to_count(value["inputTokenCount"]);
    reading.usage.output = to_count(value["outputTokenCount"]);
    reading.usage.cache_read = to_count(value["cacheReadInputTokenCount"]);
    reading.usage.cache_write = to_count(value["cacheWriteInputTokenCount"]);
    reading.has_usage = true;
}

// The path does not tell what a model is for.
std::optional<RequestKind> kind_of(const Document& document, const Reading& reading) {
    if (!document.text(relevance).empty()) return RequestKind::other;
    if (document.string(embedding_form).starts_with("embeddings")) return RequestKind::embedding;
    if (!document.text(embedding_type).empty()) return RequestKind::embedding;
    // Titan's texts come in `results`, its vectors do not.
    const bool is_titan = !document.text(titan_input).empty() && !reading.is_streamed;
    if (is_titan && document.text(titan_results).empty()) return RequestKind::embedding;
    return std::nullopt;
}

void read(const Document& document, Reading& reading) {
    // Only Anthropic's models are known by the same name elsewhere, and only they say `type`. What
    // counts in the head alone goes by the name in the path, which is the one that is charged.
    if (!document.string(type).empty() && !document.text(usage).empty()) {
        take_text(reading.model, document.string(model), limits::model_bytes_max);
    }
    take_text(reading.model, document.string(message_model), limits::model_bytes_max);
    if (document.string(type) == "message_stop") reading.is_ended = true;
    read_plain_counts(document, reading);
    read_usage(document.value(message_usage), reading);
    read_usage(document.value(usage), reading);
    read_usage(document.value(nova_usage), reading);
    read_metrics(document.value(metrics), reading);
    if (const auto kind = kind_of(document, reading)) reading.kind = kind;
    if (!document.string(message).empty()) refusal_of(reading).message = document.string(message);
    if (auto found = read_error(document, error, type)) reading.error = std::move(found);
}

}  // namespace

const Shape bedrock_invoke{"bedrock_invoke", &paths, judge, read, read_bedrock_head, false,
                           &refusals::aws};

}  // namespace halton::meter::shapes
