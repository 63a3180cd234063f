#include "http/sse.h"

#include <algorithm>

#include "base/limits.h"

namespace halton::http {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// Frees, where clear() would keep: a stream can be silent for minutes.
void free_text(std::string& text) { std::string().swap(text); }

}  // namespace

void SseReader::Value::set(std::string_view text, bool is_lasting) {
    is_copy_ = !is_lasting;
    view_ = is_lasting ? text : std::string_view();
    if (is_copy_) copy_ = text;
}

void SseReader::Value::add_line(std::string_view text) {
    if (!is_copy_) copy_ = view_;
    is_copy_ = true;
    copy_ += '\n';
    copy_ += text;
}

void SseReader::Value::keep() {
    if (!is_copy_ && !view_.empty()) set(view_, false);
}

void SseReader::Value::clear() {
    view_ = {};
    free_text(copy_);
    is_copy_ = false;
}

void SseReader::feed(std::string_view bytes, OnEvent on_event) {
    skip_byte_order_mark(bytes);
    constexpr auto npos = std::string_view::npos;
    // Where the next LF is, looked up once: a stream with CR ends only is then not searched to
    // its end for each line.
    std::size_t lf = 0;
    bool is_lf_known = false;
    std::size_t at = 0;
    while (at < bytes.size()) {
        if (is_after_cr_) {
            is_after_cr_ = false;
            if (bytes[at] == '\n') {
                ++at;
                continue;
            }
        }
        if (!is_lf_known || (lf != npos && lf < at)) {
            lf = bytes.find('\n', at);
            is_lf_known = true;
        }
        const auto until_lf = bytes.substr(at, lf == npos ? npos : lf - at);
        const auto cr = until_lf.find('\r');
        const auto line = until_lf.substr(0, cr);
        if (cr == npos && lf == npos) {
            take_partial_line(line);
            break;
        }
        is_after_cr_ = cr != npos;
        at += line.size() + 1;
        if (line_.empty()) {
            take_line(line, true, on_event);
        } else {
            take_partial_line(line);
            const std::string whole = std::move(line_);
            free_text(line_);
            take_line(whole, false, on_event);
        }
    }
    type_.keep();
    data_.keep();
    error_.keep();
}

void SseReader::finish(OnEvent on_event) {
    if (!line_.empty()) {
        const std::string whole = std::move(line_);
        take_line(whole, false, on_event);
    }
    end_event(on_event);
    free_text(line_);
    is_at_start_ = true;
    mark_bytes_ = 0;
    is_after_cr_ = false;
}

// The mark may come in pieces; what only looked like one belongs to the first line.
void SseReader::skip_byte_order_mark(std::string_view& bytes) {
    while (is_at_start_ && !bytes.empty()) {
        if (bytes.front() == byte_order_mark[static_cast<std::size_t>(mark_bytes_)]) {
            bytes.remove_prefix(1);
            is_at_start_ = ++mark_bytes_ < 3;
        } else {
            is_at_start_ = false;
            line_ = byte_order_mark.substr(0, static_cast<std::size_t>(mark_bytes_));
        }
    }
}

void SseReader::take_partial_line(std::string_view part) {
    if (part.empty()) return;
    if (!is_dropping_ && line_.size() + part.size() > limits::sse_event_bytes_max) drop_event();
    if (is_dropping_)
        is_in_dropped_line_ = true;
    else
        line_ += part;
}

void SseReader::take_line(std::string_view line, bool is_lasting, OnEvent on_event) {
    const bool is_blank = line.empty() && !is_in_dropped_line_;
    is_in_dropped_line_ = false;
    if (is_blank) return end_event(on_event);
    if (is_dropping_) return;
    if (line.size() > limits::sse_event_bytes_max) return drop_event();
    const auto colon = line.find(':');
    if (colon == 0) return;  // a comment
    auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    take_field(line.substr(0, colon), value, is_lasting);
}

void SseReader::take_field(std::string_view name, std::string_view value, bool is_lasting) {
    Value* const field = name == "data"    ? &data_
                         : name == "event" ? &type_
                         : name == "error" ? &error_
                                           : nullptr;
    if (field == nullptr) return;
    event_bytes_ += value.size() + 1;
    if (event_bytes_ > limits::sse_event_bytes_max) return drop_event();
    if (field == &data_ && has_data_)
        data_.add_line(value);
    else
        field->set(value, is_lasting);
    has_data_ = has_data_ || field == &data_;
    has_error_ = has_error_ || field == &error_;
}

void SseReader::end_event(OnEvent on_event) {
    if (has_data_ || has_error_) on_event({type_.get(), data_.get(), error_.get()});
    clear_event();
    is_dropping_ = false;
    is_in_dropped_line_ = false;
}

void SseReader::drop_event() {
    clear_event();
    // A line that has begun goes too; its rest must not look like a blank line.
    is_in_dropped_line_ = !line_.empty();
    free_text(line_);
    is_dropping_ = true;
    ++dropped_count_;
}

void SseReader::clear_event() {
    type_.clear();
    data_.clear();
    error_.clear();
    event_bytes_ = 0;
    has_data_ = false;
    has_error_ = false;
}

}  // namespace halton::http
