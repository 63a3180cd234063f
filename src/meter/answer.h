// AnswerReader: reads one response body as far as its shape needs it and keeps a Reading.
// In:    body bytes with transfer coding removed, any chunk size.
// Out:   reading(), at any time.
// Fails: never; a body that makes no sense just teaches nothing (is_whole() stays false).
// What a body is shows in its first byte rather than in its Content-Type, as gateways and
// recorders lose or misname that: '{' and '[' begin JSON, a zero byte the messages of an AWS event
// stream (no message has 16 MiB), anything else may be an event stream. JSON documents one after
// another are a stream of lines.
// Owner: the observer's exchange. Limits: those of ContentDecoder, SseReader,
//        AwsEventStreamReader and JsonPick.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/aws_event_stream.h"
#include "http/content_decode.h"
#include "http/head.h"
#include "http/sse.h"
#include "meter/providers/shapes/shape.h"

namespace halton::meter {

class AnswerReader {
public:
    // `shape` and `parser` outlive the reader.
    AnswerReader(const Shape& shape, const http::HeaderList& headers, JsonParser& parser);

    void feed(std::string_view bytes);
    // The body ended; `is_complete`: in order.
    void finish(bool is_complete);

    // Whether the body came to its own end: the JSON is closed, or the stream's end mark came.
    // Bodies that are neither (speech, an HTML page) are whole when the message was.
    bool is_whole() const;
    bool is_stream() const {
        return reading_.is_streamed || (json_.is_list() && !shape_->is_list_whole);
    }
    const Reading& reading() const { return reading_; }
    Reading& reading() { return reading_; }

private:
    enum class Form { unknown, json, events, aws_messages, opaque };

    void feed_decoded(std::string_view bytes);
    void feed_json(std::string_view bytes);
    void on_event(const http::SseEvent& event);
    void on_message(const http::AwsMessage& message);

    const Shape* shape_;
    JsonParser* parser_;
    std::optional<http::ContentDecoder> decoder_;  // none when the body is sent as it is
    std::string decoded_;
    Form form_ = Form::unknown;
    bool is_untyped_ = false;   // bytes of no kind, as the head has it
    bool is_broken_ = false;    // the content coding failed
    bool is_complete_ = false;  // the message ended in order
    JsonPick json_;
    bool has_json_document_ = false;
    http::SseReader events_;
    http::AwsEventStreamReader messages_;
    Reading reading_;
};

}  // namespace halton::meter
