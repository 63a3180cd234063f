#include "meter/answer.h"

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "base/text.h"

namespace halton::meter {

namespace {

// Media that is never JSON nor events and may be long.
bool is_opaque(const http::HeaderList& headers) {
    const std::string* type = headers.find("content-type");
    if (type == nullptr) return false;
    static constexpr std::array<std::string_view, 4> prefixes{"audio/", "image/", "video/",
                                                              "text/html"};
    for (const std::string_view prefix : prefixes) {
        if (type->size() >= prefix.size() &&
            is_equal_ignoring_case(std::string_view(*type).substr(0, prefix.size()), prefix)) {
            return true;
        }
    }
    return false;
}

// What is sent as mere bytes may be JSON all the same, but never events.
bool is_untyped(const http::HeaderList& headers) {
    static constexpr std::string_view name = "application/octet-stream";
    const std::string* type = headers.find("content-type");
    return type != nullptr &&
           is_equal_ignoring_case(std::string_view(*type).substr(0, name.size()), name);
}

// JSON documents that are events, one a line.
bool is_json_lines(const http::HeaderList& headers) {
    const std::string* type = headers.find("content-type");
    if (type == nullptr) return false;
    const std::string name = to_lower(*type);
    static constexpr std::array<std::string_view, 4> words{"ndjson", "jsonl", "json-lines",
                                                           "stream+json"};
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return name.find(word) != std::string::npos;
    });
}

// The error of an exception that ends an AWS event stream.
ProviderError to_error(const http::AwsMessage& message, JsonParser& parser) {
    ProviderError error;
    error.code = message.header(":exception-type");
    if (error.code.empty()) {
        error.code = message.header(":error-code");
        error.message = message.header(":error-message");
    } else if (const auto payload = parser.parse(message.payload())) {
        error.message = (*payload)["message"].as_string().value_or(std::string_view{});
    }
    return error;
}

}  // namespace

AnswerReader::AnswerReader(const Shape& shape, const http::HeaderList& headers, JsonParser& parser)
    : shape_(&shape), parser_(&parser), json_(*shape.paths) {
    reading_.is_streamed = is_json_lines(headers);
    is_untyped_ = is_untyped(headers);
    if (shape.read_head != nullptr) shape.read_head(headers, reading_);
    if (is_opaque(headers)) {
        form_ = Form::opaque;
    } else if (const std::string* coding = headers.find("content-encoding")) {
        http::ContentDecoder decoder(*coding);
        if (!decoder.is_identity()) decoder_.emplace(std::move(decoder));
    }
}

void AnswerReader::feed(std::string_view bytes) {
    if (form_ == Form::opaque || is_broken_) return;
    if (!decoder_) return feed_decoded(bytes);
    decoded_.clear();
    // What came out before a failure is valid and may hold the counts.
    is_broken_ = !decoder_->feed(bytes, decoded_).has_value();
    feed_decoded(decoded_);
}

void AnswerReader::feed_decoded(std::string_view bytes) {
    if (form_ == Form::unknown) {
        const std::size_t first = bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
        if (first == std::string_view::npos) return;
        switch (bytes[first]) {
            case '{':
            case '[': form_ = Form::json; break;
            case '\0': form_ = Form::aws_messages; break;
            default: form_ = is_untyped_ ? Form::opaque : Form::events;
        }
        if (form_ == Form::opaque) return;
        if (form_ != Form::json) reading_.is_streamed = true;
        bytes.remove_prefix(first);
    }
    if (form_ == Form::json) feed_json(bytes);
    if (form_ == Form::events) {
        events_.feed(bytes, [this](const http::SseEvent& event) { on_event(event); });
    }
    if (form_ == Form::aws_messages) {
        messages_.feed(bytes, [this](const http::AwsMessage& message) { on_message(message); });
    }
}

void AnswerReader::feed_json(std::string_view bytes) {
    while (!bytes.empty()) {
        bytes.remove_prefix(json_.feed(bytes));
        if (!json_.has_document()) continue;
        if (form_ == Form::json && !json_.is_list()) {
            if (has_json_document_) reading_.is_streamed = true;
            has_json_document_ = true;
        }
        shape_->read(Document(json_, *parser_), reading_);
    }
}

void AnswerReader::on_event(const http::SseEvent& event) {
    // Some providers put an error into a field of its own.
    const std::string_view text = event.error.empty() ? event.data : event.error;
    if (event.error.empty()) {
        switch (shape_->judge(event, reading_)) {
            case EventUse::skip: return;
            case EventUse::end_mark: reading_.is_ended = true; return;
            case EventUse::read: break;
        }
    }
    json_.reset();
    feed_json(text);
}

void AnswerReader::on_message(const http::AwsMessage& message) {
    const std::string_view kind = message.header(":message-type");
    if (kind == "exception" || kind == "error") {
        reading_.error = to_error(message, *parser_);
        return;
    }
    const http::SseEvent event{message.header(":event-type"), message.payload(), {}};
    if (event.type != "chunk") return on_event(event);
    // The model's own event, wrapped.
    const auto wrapper = parser_->parse(message.payload());
    const auto bytes = wrapper ? (*wrapper)["bytes"].as_string() : std::nullopt;
    std::string inner;
    if (bytes && append_base64_decoded(inner, *bytes)) on_event({{}, inner, {}});
}

void AnswerReader::finish(bool is_complete) {
    is_complete_ = is_complete;
    if (form_ == Form::events) {
        events_.finish([this](const http::SseEvent& event) { on_event(event); });
    }
    // A document that the connection cut still tells its model, or even its counts.
    if (form_ == Form::json && json_.state() == JsonPick::State::open && !json_.has_document()) {
        shape_->read(Document(json_, *parser_), reading_);
    }
}

bool AnswerReader::is_whole() const {
    // The body's own end mark is worth more than how the connection ended: clients hang up as
    // soon as they have read it.
    switch (form_) {
        case Form::unknown:
        case Form::opaque: return is_complete_;
        case Form::events:
        case Form::aws_messages: return reading_.is_ended;
        case Form::json:
            return json_.state() == JsonPick::State::complete &&
                   (!is_stream() || reading_.is_ended);
    }
    return false;
}

}  // namespace halton::meter
