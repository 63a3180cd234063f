#include "http/h2_frames.h"

#include <string>

#include "support/catch.h"
#include "support/feed.h"
#include "support/h2_bytes.h"

using namespace halton;
using namespace halton::http;
namespace h2 = halton::test::h2;

namespace {

struct Read {
    std::string text;  // "type stream flags [content] ..."
    bool is_broken = false;
    bool operator==(const Read&) const = default;
};

Read read_frames(const test::Chunks& chunks, std::uint32_t frame_bytes_max = 0) {
    using Step = H2FrameReader::Step;
    H2FrameReader reader;
    if (frame_bytes_max > 0) reader.allow_frame_bytes(frame_bytes_max);
    Read read;
    for (const auto chunk : chunks) {
        const std::string copy(chunk);  // dies after the chunk: views kept too long are found
        std::string_view input = copy;
        for (Step step = Step::end; step != Step::need_more;) {
            step = reader.next(input);
            const H2FrameHead& frame = reader.frame();
            switch (step) {
                case Step::begin:
                    read.text += std::to_string(static_cast<int>(frame.type)) + ' ' +
                                 std::to_string(frame.stream) + ' ' + std::to_string(frame.flags) +
                                 " [";
                    break;
                case Step::content: {
                    const bool is_record = frame.type == H2FrameType::settings ||
                                           frame.type == H2FrameType::rst_stream ||
                                           frame.type == H2FrameType::goaway;
                    read.text += std::string(reader.content()) + (is_record ? "|" : "");
                    if (!is_record) {
                        CHECK(reader.content().data() >= copy.data());
                        CHECK_FALSE(reader.content().empty());
                    }
                    break;
                }
                case Step::end: read.text += "] "; break;
                case Step::need_more: CHECK(input.empty()); break;
                case Step::broken: read.is_broken = true; return read;
            }
        }
    }
    return read;
}

Read read(const std::string& bytes, std::uint32_t frame_bytes_max = 0) {
    return test::feed_all_ways(bytes, [frame_bytes_max](const test::Chunks& chunks) {
        return read_frames(chunks, frame_bytes_max);
    });
}

}  // namespace

TEST_CASE("h2_frames: frames and their content, in any pieces") {
    CHECK(read("").text.empty());
    CHECK(read(h2::body(1, "hello") + h2::body(3, "", h2::end_stream)).text ==
          "0 1 0 [hello] 0 3 1 [] ");
    CHECK(read(h2::frame(h2::headers, h2::end_headers, 1, "block") +
               h2::frame(h2::continuation, 0, 1, "more"))
              .text == "1 1 4 [block] 9 1 0 [more] ");
}

TEST_CASE("h2_frames: padding, priority and promised streams are no content") {
    CHECK(read(h2::frame(h2::data, h2::padded, 1, h2::pad("hi", 5))).text == "0 1 8 [hi] ");
    CHECK(read(h2::frame(h2::data, h2::padded, 1, h2::pad("", 255))).text == "0 1 8 [] ");
    CHECK(read(h2::frame(h2::data, h2::padded, 1, h2::pad("hi", 0))).text == "0 1 8 [hi] ");
    CHECK(read(h2::frame(h2::headers, h2::has_priority, 1, "12345block")).text ==
          "1 1 32 [block] ");
    CHECK(read(h2::frame(h2::headers, h2::has_priority | h2::padded, 1, h2::pad("12345block", 3)))
              .text == "1 1 40 [block] ");
    CHECK(read(h2::frame(h2::push_promise, h2::padded, 1, h2::pad("1234block", 2))).text ==
          "5 1 8 [block] ");
    // Those flags mean nothing elsewhere.
    CHECK(read(h2::frame(h2::continuation, 0xff, 1, "block")).text == "9 1 255 [block] ");
    CHECK(read(h2::frame(h2::data, h2::has_priority, 1, "12345hi")).text == "0 1 32 [12345hi] ");
}

TEST_CASE("h2_frames: records come whole") {
    CHECK(read(h2::frame(h2::settings, 0, 0, "aabbbbccdddd")).text == "4 0 0 [aabbbb|ccdddd|] ");
    CHECK(read(h2::frame(h2::settings, h2::ack, 0, "")).text == "4 0 1 [] ");
    CHECK(read(h2::reset(5, 8)).text == std::string("3 5 0 [\0\0\0\x08|] ", 14));
    CHECK(read(h2::frame(h2::goaway, 0, 0, "aaaabbbband some text")).text == "7 0 0 [aaaabbbb|] ");
}

TEST_CASE("h2_frames: what nobody needs, and what nobody knows, is skipped") {
    CHECK(read(h2::frame(h2::ping, 0, 0, "12345678") + h2::frame(h2::window_update, 0, 7, "1234") +
               h2::frame(h2::priority, 0, 3, "12345") + h2::frame(0x0c, 0xff, 9, "whatever") +
               h2::frame(0xff, 0, 0, "") + h2::body(1, "x"))
              .text == "6 0 0 [] 8 7 0 [] 2 3 0 [] 12 9 255 [] 255 0 0 [] 0 1 0 [x] ");
}

TEST_CASE("h2_frames: the reserved bit of a stream is ignored") {
    std::string bytes = h2::body(1, "x");
    bytes[5] = '\x80';
    CHECK(read(bytes).text == "0 1 0 [x] ");
}

TEST_CASE("h2_frames: lengths that no frame can have") {
    for (const auto& bytes : {
             h2::frame(h2::data, h2::padded, 1, ""),
             h2::frame(h2::data, h2::padded, 1, "\x01"),
             h2::frame(h2::data, h2::padded, 1, std::string("\x05") + "hell"),
             h2::frame(h2::headers, h2::has_priority, 1, "1234"),
             h2::frame(h2::headers, h2::has_priority | h2::padded, 1,
                       std::string("\x01") + "12345"),
             h2::frame(h2::push_promise, 0, 1, "123"),
             h2::frame(h2::priority, 0, 1, "1234"),
             h2::frame(h2::priority, 0, 1, "123456"),
             h2::frame(h2::rst_stream, 0, 1, "123"),
             h2::frame(h2::rst_stream, 0, 1, "12345"),
             h2::frame(h2::settings, 0, 0, "12345"),
             h2::frame(h2::settings, 0, 0, "1234567"),
             h2::frame(h2::ping, 0, 0, "1234567"),
             h2::frame(h2::goaway, 0, 0, "1234567"),
             h2::frame(h2::window_update, 0, 0, "123"),
         }) {
        const auto found = read(h2::body(1, "x") + bytes + h2::body(1, "y"));
        CHECK(found.is_broken);
        CHECK(found.text.find('y') == std::string::npos);
    }
}

TEST_CASE("h2_frames: no frame is longer than its receiver allowed") {
    CHECK_FALSE(read(h2::body(1, std::string(16'384, 'x'))).is_broken);
    CHECK(read(h2::body(1, std::string(16'385, 'x'))).is_broken);
    CHECK_FALSE(read(h2::body(1, std::string(16'385, 'x')), 16'385).is_broken);
    // A smaller one counts only when the sender agreed: what is on its way may be longer.
    CHECK_FALSE(read(h2::body(1, std::string(16'384, 'x')), 1'000).is_broken);
    CHECK(read(h2::number(0xffffff, 3) + std::string(6, '\0')).is_broken);
}

TEST_CASE("h2_frames: numbers are big-endian") {
    CHECK(read_number(std::string("\x01\x02\xff\x80", 4), 0, 4) == 0x0102ff80);
    CHECK(read_number(std::string("\x01\x02\xff\x80", 4), 1, 2) == 0x02ff);
}
