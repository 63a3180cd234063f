// H2FrameReader: cuts the bytes of one direction of an HTTP/2 connection into frames (RFC 9113
// sections 4 and 6), behind the client's preface.
// In:    bytes in any pieces.
// Out:   for each frame its begin, its content in pieces and its end. Content of DATA and of header
//        blocks views the input, padding and priority removed; SETTINGS, RST_STREAM and GOAWAY
//        come in whole records; of all other frames nothing is shown but that they were there.
// Fails: `broken`, once and for good, on lengths that no frame can have.
// Owner: a tap. Limits: no frame is longer than its receiver allowed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace halton::http {

enum class H2FrameType : std::uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    push_promise = 5,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9,
};

struct H2FrameHead {
    std::uint32_t length = 0;
    H2FrameType type{};  // also values that the enumeration does not name
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;

    bool is_ack() const { return flags & 0x1; }
    bool is_end_stream() const { return flags & 0x1; }
    bool is_end_headers() const { return flags & 0x4; }
    bool is_padded() const { return flags & 0x8; }
    bool has_priority() const { return flags & 0x20; }
};

class H2FrameReader {
public:
    enum class Step { need_more, begin, content, end, broken };

    // Takes from the front of `input`. Call it until it needs more; it then has taken everything.
    Step next(std::string_view& input);

    // Of the frame that began last.
    const H2FrameHead& frame() const { return frame_; }
    // Of the last `content`; holds until the next call.
    std::string_view content() const { return content_; }

    // What the receiver of this direction allows (SETTINGS_MAX_FRAME_SIZE). It counts from the
    // moment of its announcement, and a smaller one only when the sender agreed: the largest wins.
    void allow_frame_bytes(std::uint32_t bytes);

private:
    enum class Stage { head, prefix, content, rest, broken };

    bool gather(std::string_view& input, std::size_t bytes);
    bool read_head();
    bool read_prefix();
    std::size_t prefix_bytes() const;

    Stage stage_ = Stage::head;
    H2FrameHead frame_;
    std::uint32_t frame_bytes_max_ = 16'384;  // section 4.2, until somebody allows more
    std::uint32_t content_left_ = 0;
    std::uint32_t rest_left_ = 0;    // padding, or content that is not shown
    std::uint8_t record_bytes_ = 0;  // content comes in pieces of that size; 0: as it comes
    std::uint8_t gathered_ = 0;
    std::array<char, 9> small_{};  // a head, a prefix or a record that came in pieces
    std::string_view content_;
};

// Big-endian numbers of frames.
std::uint32_t read_number(std::string_view bytes, std::size_t at, std::size_t size);

}  // namespace halton::http
