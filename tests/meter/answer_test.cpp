#include "meter/answer.h"

#include <string>

#include "meter/providers/shapes/shapes.h"
#include "support/aws_message.h"
#include "support/catch.h"
#include "support/feed.h"

using namespace halton;
using namespace halton::meter;

namespace {

http::HeaderList headers(const std::string& type, const std::string& coding = {}) {
    http::HeaderList list;
    if (!type.empty()) list.add("Content-Type", type);
    if (!coding.empty()) list.add("Content-Encoding", coding);
    return list;
}

// The reading in one line, the same for every chunking.
std::string read(const Shape& shape, const std::string& body,
                 const http::HeaderList& list = headers("application/json"),
                 bool is_complete = true) {
    return test::feed_all_ways(body, [&](const test::Chunks& chunks) {
        JsonParser parser;
        AnswerReader reader(shape, list, parser);
        for (const std::string_view chunk : chunks) reader.feed(chunk);
        reader.finish(is_complete);
        const Reading& reading = reader.reading();
        std::string seen = reading.model + ' ' + std::to_string(reading.usage.input) + '/' +
                           std::to_string(reading.usage.output);
        if (reading.has_usage) seen += " usage";
        if (reader.is_whole()) seen += " whole";
        if (reader.is_stream()) seen += " stream";
        if (reading.error) seen += " error=" + reading.error->code;
        return seen;
    });
}

}  // namespace

TEST_CASE("a JSON body is read whatever its type says") {
    const std::string body = R"({"model":"m","usage":{"prompt_tokens":3,"completion_tokens":4}})";
    CHECK(read(shapes::openai_chat, body) == "m 3/4 usage whole");
    CHECK(read(shapes::openai_chat, "\n " + body, headers("text/event-stream")) ==
          "m 3/4 usage whole");
    CHECK(read(shapes::openai_chat, body, headers("")) == "m 3/4 usage whole");
    CHECK(read(shapes::openai_chat, body.substr(0, 40)) == "m 0/0");
    // Closed JSON is whole even when the connection is not.
    CHECK(read(shapes::openai_chat, body, headers(""), false) == "m 3/4 usage whole");
}

TEST_CASE("an event stream is read up to its end mark") {
    const std::string start = "data: {\"model\":\"m\",\"choices\":[{}]}\n\n";
    const std::string usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n";
    CHECK(read(shapes::openai_chat, start + usage + "data: [DONE]\n\n") ==
          "m 3/4 usage whole stream");
    CHECK(read(shapes::openai_chat, start + "data: [DONE]\n\n") == "m 0/0 whole stream");
    CHECK(read(shapes::openai_chat, start + usage) == "m 3/4 usage stream");
    // The client hangs up once it has read the end mark.
    CHECK(read(shapes::openai_chat, start + usage + "data: [DONE]\n\n", headers(""), false) ==
          "m 3/4 usage whole stream");
}

TEST_CASE("a streamed JSON array is a stream of its elements") {
    const std::string body =
        R"([{"usageMetadata":{"promptTokenCount":1},"modelVersion":"g"},)"
        R"({"candidates":[{"finishReason":"STOP"}],)"
        R"("usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6}}])";
    CHECK(read(shapes::gemini_generate, body) == "g 5/6 usage whole stream");
    CHECK(read(shapes::gemini_generate, body.substr(0, body.size() - 20)) == "g 1/0 usage stream");
    CHECK(read(shapes::gemini_generate, R"([{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}])") ==
          " 0/0 stream error=RESOURCE_EXHAUSTED");
}

TEST_CASE("media and pages teach nothing") {
    CHECK(read(shapes::openai_chat, "ID3\x03{\"model\":\"x\"}", headers("audio/mpeg")) ==
          " 0/0 whole");
    CHECK(read(shapes::openai_chat, "<html>{}</html>", headers("text/html")) == " 0/0 whole");
    CHECK(read(shapes::openai_chat, "upstream gone", headers("text/plain")) == " 0/0 stream");
    CHECK(read(shapes::openai_chat, "") == " 0/0 whole");
}

TEST_CASE("a coding that is unknown or broken teaches nothing and breaks nothing") {
    CHECK(read(shapes::openai_chat, "{\"model\":\"m\"}", headers("application/json", "gzip")) ==
          " 0/0 whole");
    CHECK(read(shapes::openai_chat, "{\"model\":\"m\"}", headers("application/json", "rot13")) ==
          " 0/0 whole");
    CHECK(read(shapes::openai_chat, "{\"model\":\"m\"}", headers("", "identity")) == "m 0/0 whole");
}

TEST_CASE("JSON documents one after another are a stream") {
    const std::string lines = R"({"model":"m","usage":{"prompt_tokens":1}})" "\n"
                              R"({"usage":{"prompt_tokens":3,"completion_tokens":4}})" "\n";
    CHECK(read(shapes::openai_chat, lines) == "m 3/4 usage stream");
    CHECK(read(shapes::openai_responses, lines + R"({"type":"response.completed"})") ==
          "m 3/4 usage whole stream");
    // A stream of one line is one when its type says so.
    const std::string line = R"({"error":{"code":"overloaded"}})" "\n";
    for (const char* type : {"application/x-ndjson", "application/jsonl; charset=utf-8",
                             "application/stream+json"}) {
        CHECK(read(shapes::openai_chat, line, headers(type)) == " 0/0 stream error=overloaded");
    }
    CHECK(read(shapes::openai_chat, line) == " 0/0 whole error=overloaded");
}

namespace {

std::string aws_chunk(const std::string& base64) {
    return test::aws_event("chunk", R"({"bytes":")" + base64 + R"(","p":"abcdef"})");
}

const char aws_type[] = "application/vnd.amazon.eventstream";

}  // namespace

TEST_CASE("the messages of an AWS event stream are events") {
    // Converse has its own event types; the shape here is one that takes any.
    const std::string stream =
        test::aws_event("messageStart", R"({"role":"assistant"})") +
        test::aws_event("metadata", R"({"usageMetadata":{"promptTokenCount":5}})");
    CHECK(read(shapes::gemini_generate, stream, headers(aws_type)) == " 5/0 usage stream");
    CHECK(read(shapes::gemini_generate, stream, headers("")) == " 5/0 usage stream");
    // The type reaches the shape: this one skips deltas by it.
    const std::string usage = R"({"type":"message_delta","usage":{"input_tokens":7}})";
    CHECK(read(shapes::anthropic_messages, test::aws_event("message_delta", usage)) ==
          " 7/0 usage stream");
    CHECK(read(shapes::anthropic_messages, test::aws_event("ping", usage)) == " 0/0 stream");
}

TEST_CASE("a model's own events come out of AWS chunks") {
    // {"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":12}}}
    const std::string start =
        aws_chunk("eyJ0eXBlIjoibWVzc2FnZV9zdGFydCIsIm1lc3NhZ2UiOnsibW9kZWwiOiJjbGF1ZGUteCIsInVzYWdl"
                  "Ijp7ImlucHV0X3Rva2VucyI6MTJ9fX0=");
    // {"type":"message_delta","usage":{"output_tokens":9}}
    const std::string delta =
        aws_chunk("eyJ0eXBlIjoibWVzc2FnZV9kZWx0YSIsInVzYWdlIjp7Im91dHB1dF90b2tlbnMiOjl9fQ==");
    // {"type":"message_stop"}
    const std::string stop = aws_chunk("eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0=");
    CHECK(read(shapes::anthropic_messages, start + delta + stop, headers(aws_type)) ==
          "claude-x 12/9 usage whole stream");
    CHECK(read(shapes::anthropic_messages, start + delta, headers(aws_type)) ==
          "claude-x 12/9 usage stream");
    // What is no base64, or no JSON, teaches nothing; the rest is read.
    CHECK(read(shapes::anthropic_messages,
               start + aws_chunk("*") + test::aws_event("chunk", "{}") +
                   test::aws_event("chunk", "[") + delta + stop) ==
          "claude-x 12/9 usage whole stream");
    std::string broken = start + delta + stop;
    broken[start.size() + 20] ^= 1;
    CHECK(read(shapes::anthropic_messages, broken) == "claude-x 12/0 usage stream");
}

TEST_CASE("an exception in an AWS event stream is an error") {
    const std::string exception = test::aws_message(
        {{":exception-type", "throttlingException"}, {":message-type", "exception"}},
        R"({"message":"Too many tokens"})");
    CHECK(read(shapes::anthropic_messages, exception, headers(aws_type)) ==
          " 0/0 stream error=throttlingException");
    const std::string error = test::aws_message(
        {{":error-code", "InternalError"}, {":error-message", "x"}, {":message-type", "error"}}, "");
    CHECK(read(shapes::anthropic_messages, error) == " 0/0 stream error=InternalError");
}
