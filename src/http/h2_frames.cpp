#include "http/h2_frames.h"

#include <algorithm>

namespace halton::http {
namespace {

// What the reader knows about a type of frame. Lengths are without padding's.
struct Shape {
    H2FrameType type;
    std::uint32_t length_min;
    std::uint32_t length_max;
    std::uint8_t record_bytes;  // content in records of that size; 0: as it comes
    bool is_shown;
    bool can_pad;
};

constexpr std::uint32_t any_length = 0xffffffff;

constexpr Shape shapes[] = {
    {H2FrameType::data, 0, any_length, 0, true, true},
    {H2FrameType::headers, 0, any_length, 0, true, true},
    {H2FrameType::priority, 5, 5, 0, false, false},
    {H2FrameType::rst_stream, 4, 4, 4, true, false},
    {H2FrameType::settings, 0, any_length, 6, true, false},
    {H2FrameType::push_promise, 4, any_length, 0, true, true},
    {H2FrameType::ping, 8, 8, 0, false, false},
    {H2FrameType::goaway, 8, any_length, 8, true, false},
    {H2FrameType::window_update, 4, 4, 0, false, false},
    {H2FrameType::continuation, 0, any_length, 0, true, false},
};
// Frames of extensions are skipped (section 4.1).
constexpr Shape stranger{{}, 0, any_length, 0, false, false};

const Shape& shape_of(H2FrameType type) {
    const auto index = static_cast<std::size_t>(type);
    return index < std::size(shapes) ? shapes[index] : stranger;
}

}  // namespace

std::uint32_t read_number(std::string_view bytes, std::size_t at, std::size_t size) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < size; ++i)
        number = number << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return number;
}

void H2FrameReader::allow_frame_bytes(std::uint32_t bytes) {
    frame_bytes_max_ = std::max(frame_bytes_max_, bytes);
}

// Whether that many bytes are now together in small_.
bool H2FrameReader::gather(std::string_view& input, std::size_t bytes) {
    const std::size_t taken = std::min(input.size(), bytes - gathered_);
    std::copy_n(input.data(), taken, small_.data() + gathered_);
    input.remove_prefix(taken);
    gathered_ = static_cast<std::uint8_t>(gathered_ + taken);
    if (gathered_ < bytes) return false;
    gathered_ = 0;
    return true;
}

bool H2FrameReader::read_head() {
    const std::string_view head(small_.data(), small_.size());
    frame_.length = read_number(head, 0, 3);
    frame_.type = static_cast<H2FrameType>(read_number(head, 3, 1));
    frame_.flags = static_cast<std::uint8_t>(read_number(head, 4, 1));
    frame_.stream = read_number(head, 5, 4) & 0x7fffffff;
    const Shape& shape = shape_of(frame_.type);
    if (frame_.length > frame_bytes_max_) return false;
    if (frame_.length < shape.length_min || frame_.length > shape.length_max) return false;
    if (frame_.type == H2FrameType::settings && frame_.length % shape.record_bytes != 0)
        return false;
    return frame_.length >= prefix_bytes();
}

// What stands before the content: length of the padding, priority, the promised stream.
std::size_t H2FrameReader::prefix_bytes() const {
    std::size_t bytes = 0;
    if (shape_of(frame_.type).can_pad && frame_.is_padded()) bytes += 1;
    if (frame_.type == H2FrameType::headers && frame_.has_priority()) bytes += 5;
    if (frame_.type == H2FrameType::push_promise) bytes += 4;
    return bytes;
}

bool H2FrameReader::read_prefix() {
    const Shape& shape = shape_of(frame_.type);
    const auto left = static_cast<std::uint32_t>(frame_.length - prefix_bytes());
    content_left_ = 0;
    rest_left_ = left;
    if (!shape.is_shown) return true;
    record_bytes_ = shape.record_bytes;
    if (frame_.type == H2FrameType::goaway) {
        content_left_ = record_bytes_;  // and then text for people
    } else {
        const bool is_padded = shape.can_pad && frame_.is_padded();
        const std::uint32_t padding = is_padded ? static_cast<std::uint8_t>(small_[0]) : 0;
        if (padding > left) return false;
        content_left_ = left - padding;
    }
    rest_left_ = left - content_left_;
    return true;
}

H2FrameReader::Step H2FrameReader::next(std::string_view& input) {
    const auto give_up = [this] {
        stage_ = Stage::broken;
        return Step::broken;
    };
    for (;;) {
        switch (stage_) {
            case Stage::broken: return Step::broken;
            case Stage::head:
                if (!gather(input, small_.size())) return Step::need_more;
                if (!read_head()) return give_up();
                stage_ = Stage::prefix;
                return Step::begin;
            case Stage::prefix:
                if (!gather(input, prefix_bytes())) return Step::need_more;
                if (!read_prefix()) return give_up();
                stage_ = Stage::content;
                break;
            case Stage::content:
                if (content_left_ == 0) {
                    stage_ = Stage::rest;
                    break;
                }
                if (record_bytes_ > 0) {
                    if (!gather(input, record_bytes_)) return Step::need_more;
                    content_ = {small_.data(), record_bytes_};
                } else {
                    content_ = input.substr(0, content_left_);
                    if (content_.empty()) return Step::need_more;
                    input.remove_prefix(content_.size());
                }
                content_left_ -= static_cast<std::uint32_t>(content_.size());
                return Step::content;
            case Stage::rest: {
                const std::size_t skipped = std::min<std::size_t>(rest_left_, input.size());
                input.remove_prefix(skipped);
                rest_left_ -= static_cast<std::uint32_t>(skipped);
                if (rest_left_ > 0) return Step::need_more;
                stage_ = Stage::head;
                return Step::end;
            }
        }
    }
}

}  // namespace halton::http
