#include "http/aws_event_stream.h"

#include "base/limits.h"
#include "support/aws_message.h"
#include "support/catch.h"
#include "support/feed.h"

using namespace halton;
using http::AwsEventStreamReader;
using http::AwsMessage;
using test::aws_event;
using test::aws_frame;
using test::aws_message;
using test::aws_text_header;
using test::big_endian;

namespace {

using Lines = std::vector<std::string>;

// Every piece is a copy that dies at once, so that a view kept too long shows.
Lines read(const test::Chunks& chunks) {
    AwsEventStreamReader reader;
    Lines lines;
    for (const auto chunk : chunks) {
        const std::string copy(chunk);
        reader.feed(copy, [&](const AwsMessage& message) {
            lines.push_back(std::string(message.header(":event-type")) + '|' +
                            std::string(message.payload()));
        });
    }
    if (reader.is_broken()) lines.push_back("broken");
    if (!reader.is_broken() && !reader.is_between_messages()) lines.push_back("open");
    if (reader.dropped_count() > 0)
        lines.push_back("dropped " + std::to_string(reader.dropped_count()));
    return lines;
}

Lines read(std::string_view bytes) {
    return test::feed_all_ways(bytes, [](const test::Chunks& chunks) { return read(chunks); });
}

}  // namespace

TEST_CASE("aws event stream: messages have headers and a payload") {
    CHECK(read("") == Lines{});
    CHECK(read(aws_event("metadata", "{}")) == Lines{"metadata|{}"});
    CHECK(read(aws_event("a", "1") + aws_event("b", "") + aws_event("c", "3")) ==
          Lines{"a|1", "b|", "c|3"});
    CHECK(read(aws_frame("", "")) == Lines{"|"});
    CHECK(read(aws_event("a", std::string(100'000, 'x'))) ==
          Lines{"a|" + std::string(100'000, 'x')});
}

TEST_CASE("aws event stream: headers of other types are stepped over") {
    std::string headers;
    const std::string sizes[] = {"",         "", "1", "12",       "1234",
                                 "12345678", "", "",  "12345678", "1234567890123456"};
    for (char type = 0; type < 10; ++type) {
        headers += big_endian(2, 1) + "h" + static_cast<char>('0' + type) + type;
        if (type == 6 || type == 7) headers += big_endian(3, 2) + "abc";
        headers += sizes[static_cast<int>(type)];
    }
    const std::string text = aws_text_header(":event-type", "here");
    CHECK(read(aws_frame(headers + text, "p")) == Lines{"here|p"});
    CHECK(read(aws_frame(text + headers, "p")) == Lines{"here|p"});
    // Bytes are not text, even under that name.
    CHECK(read(aws_frame(big_endian(11, 1) + ":event-type" + '\6' + big_endian(1, 2) + "x", "p")) ==
          Lines{"|p"});
}

TEST_CASE("aws event stream: headers keep to their message") {
    const std::string two =
        aws_message({{"other", "x"}}, "1") + aws_message({{":event-type", "t"}}, "2");
    CHECK(read(two + aws_frame("", "3")) == Lines{"|1", "t|2", "|3"});
}

TEST_CASE("aws event stream: a wrong checksum ends the reading") {
    const std::string good = aws_event("a", "1");
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        INFO("byte " << at);
        CHECK(read(good + bad + good) == Lines{"a|1", "broken"});
    }
    CHECK(read("data: {\"type\":\"x\"}\n\n") == Lines{"broken"});
}

TEST_CASE("aws event stream: lengths that cannot be end the reading") {
    const auto prelude = [](std::uint32_t total, std::uint32_t headers) {
        const std::string bytes = big_endian(total, 4) + big_endian(headers, 4);
        return bytes + test::aws_checksum(bytes);
    };
    CHECK(read(prelude(15, 0) + "xxxx") == Lines{"broken"});
    CHECK(read(prelude(0, 0) + "xxxx") == Lines{"broken"});
    CHECK(read(prelude(20, 5) + std::string(8, 'x')) == Lines{"broken"});
    CHECK(read(prelude(20, 0xffffffff) + std::string(8, 'x')) == Lines{"broken"});
    CHECK(read(prelude(20, 4)) == Lines{"open"});
}

TEST_CASE("aws event stream: headers that make no sense end the reading") {
    CHECK(read(aws_frame(big_endian(0, 1), "p")) == Lines{"broken"});
    CHECK(read(aws_frame(big_endian(9, 1) + "ab", "p")) == Lines{"broken"});
    CHECK(read(aws_frame(big_endian(2, 1) + "ab", "p")) == Lines{"broken"});
    CHECK(read(aws_frame(big_endian(2, 1) + "ab" + '\x0a', "p")) == Lines{"broken"});
    CHECK(read(aws_frame(big_endian(2, 1) + "ab" + '\7', "p")) == Lines{"broken"});
    CHECK(read(aws_frame(big_endian(2, 1) + "ab" + '\7' + big_endian(2, 2) + "x", "p")) ==
          Lines{"broken"});
    CHECK(read(aws_frame(big_endian(2, 1) + "ab" + '\5' + "1234567", "p")) == Lines{"broken"});
}

TEST_CASE("aws event stream: a cut message is open") {
    const std::string good = aws_event("a", "1");
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{11}, std::size_t{12}, good.size() - 1}) {
        CHECK(read(aws_event("b", "2") + good.substr(0, size)) == Lines{"b|2", "open"});
    }
}

TEST_CASE("aws event stream: a message that is too large is skipped and what follows is read") {
    const std::string large = aws_event("large", std::string(limits::aws_message_bytes_max, 'x'));
    const std::string stream = aws_event("a", "1") + large + aws_event("b", "2");
    const Lines expected{"a|1", "b|2", "dropped 1"};
    CHECK(read(test::Chunks{stream}) == expected);
    CHECK(read(test::cut_every(stream, 65'536)) == expected);
    CHECK(read(test::cut_every(stream, 7'919)) == expected);
    // The largest that is kept.
    const std::size_t frame_bytes = aws_event("large", "").size();
    const std::string most =
        aws_event("large", std::string(limits::aws_message_bytes_max - frame_bytes, 'x'));
    CHECK(read(test::cut_every(most, 65'536)).front().size() > 1'000'000);
}
