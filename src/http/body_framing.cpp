#include "http/body_framing.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace halton::http {
namespace {

// A size has up to 16 digits, and nobody sends extensions.
constexpr std::uint32_t chunk_line_bytes_max = 1024;
constexpr int size_digits_max = 15;

int hex_value(char c) {
    c = to_lower(c);
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

Result<BodyFraming> BodyFraming::of(const RequestHead& head) {
    BodyFraming framing;
    if (const std::string* coding = head.headers.find("transfer-encoding")) {
        if (head.headers.count("transfer-encoding") != 1 ||
            !is_equal_ignoring_case(*coding, "chunked"))
            return fail(ErrorKind::unsupported, "a transfer coding that is not chunked");
        framing.state_ = State::size;
    } else if (const std::string* length = head.headers.find("content-length")) {
        framing.left_ = parse_decimal(*length).value_or(0);
        if (framing.left_ > 0) framing.state_ = State::counted;
    }
    return framing;
}

std::size_t BodyFraming::feed(std::string_view bytes, OnData on_data) {
    std::size_t at = 0;
    while (at < bytes.size() && state_ != State::done && state_ != State::broken) {
        if (state_ == State::counted || state_ == State::data)
            at += read_counted(bytes.substr(at), on_data);
        else
            read_byte(bytes[at++]);
    }
    return at;
}

std::size_t BodyFraming::read_counted(std::string_view bytes, OnData on_data) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    on_data(bytes.substr(0, count));
    left_ -= count;
    if (left_ == 0) state_ = state_ == State::counted ? State::done : State::data_end;
    return count;
}

// Between the data. A line ends with CR LF and nothing else.
void BodyFraming::read_byte(char c) {
    if (is_after_cr_ && c != '\n') {
        state_ = State::broken;
        return;
    }
    switch (state_) {
        case State::size:
            if (const int digit = hex_value(c); digit >= 0) {
                if (++line_bytes_ > size_digits_max) state_ = State::broken;
                left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
                return;
            }
            if (line_bytes_ == 0) break;
            if (c == '\r') {
                state_ = State::size_end;
                is_after_cr_ = true;
                return;
            }
            if (c != ';' && c != ' ' && c != '\t') break;
            state_ = State::extension;
            return;
        case State::extension:
            if (c == '\n' || ++line_bytes_ > chunk_line_bytes_max) break;
            if (c == '\r') {
                state_ = State::size_end;
                is_after_cr_ = true;
            }
            return;
        case State::size_end:
            is_after_cr_ = false;
            line_bytes_ = 0;
            state_ = left_ > 0 ? State::data : State::trailer;
            is_line_empty_ = true;
            return;
        case State::data_end:
            if (is_after_cr_) {
                is_after_cr_ = false;
                state_ = State::size;
                return;
            }
            if (c != '\r') break;
            is_after_cr_ = true;
            return;
        case State::trailer:
            if (++trailer_bytes_ > limits::head_bytes_max) break;
            if (is_after_cr_) {
                is_after_cr_ = false;
                if (is_line_empty_) state_ = State::done;
                is_line_empty_ = true;
                return;
            }
            if (c == '\n') break;
            if (c == '\r')
                is_after_cr_ = true;
            else
                is_line_empty_ = false;
            return;
        case State::counted:
        case State::data:
        case State::done:
        case State::broken: return;
    }
    state_ = State::broken;
}

}  // namespace halton::http
