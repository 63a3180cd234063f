#include "meter/answer.h"

#include <array>

#include "base/text.h"

namespace halton::meter {

namespace {

// Media that is never JSON nor events and may be long.
bool is_opaque(const http::HeaderList& headers) {
    const std::string* type = headers.find("content-type");
    if (type == nullptr) return false;
    static constexpr std::array<std::string_view, 5> prefixes{"audio/", "image/", "video/",
                                                              "text/html", "application/octet"};
    for (const std::string_view prefix : prefixes) {
        if (type->size() >= prefix.size() &&
            is_equal_ignoring_case(std::string_view(*type).substr(0, prefix.size()), prefix)) {
            return true;
        }
    }
    return false;
}

}  // namespace

AnswerReader::AnswerReader(const Shape& shape, const http::HeaderList& headers, JsonParser& parser)
    : shape_(&shape), parser_(&parser), json_(*shape.paths) {
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
        form_ = bytes[first] == '{' || bytes[first] == '[' ? Form::json : Form::events;
        reading_.is_streamed = form_ == Form::events;
        bytes.remove_prefix(first);
    }
    if (form_ == Form::json) feed_json(bytes);
    if (form_ == Form::events) {
        events_.feed(bytes, [this](const http::SseEvent& event) { on_event(event); });
    }
}

void AnswerReader::feed_json(std::string_view bytes) {
    while (!bytes.empty()) {
        bytes.remove_prefix(json_.feed(bytes));
        if (json_.has_document()) shape_->read(Document(json_, *parser_), reading_);
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
        case Form::events: return reading_.is_ended;
        case Form::json:
            return json_.state() == JsonPick::State::complete &&
                   (!json_.is_list() || reading_.is_ended);
    }
    return false;
}

}  // namespace halton::meter
