#include "http/sse.h"

#include <algorithm>

#include "base/limits.h"
#include "support/catch.h"
#include "support/feed.h"

using namespace halton;
using http::SseEvent;
using http::SseReader;

namespace {

using Lines = std::vector<std::string>;

std::string to_line(const SseEvent& event) {
    std::string line = std::string(event.type) + '|' + std::string(event.data);
    if (!event.error.empty()) line += "|error " + std::string(event.error);
    return line;
}

// Every piece is a copy that dies at once, so that a view kept too long shows.
Lines read(const test::Chunks& chunks) {
    SseReader reader;
    Lines lines;
    const auto on_event = [&](const SseEvent& event) { lines.push_back(to_line(event)); };
    for (const auto chunk : chunks) {
        const std::string copy(chunk);
        reader.feed(copy, on_event);
    }
    reader.finish([&](const SseEvent& event) { lines.push_back(to_line(event) + "|at end"); });
    if (reader.dropped_count() > 0)
        lines.push_back("dropped " + std::to_string(reader.dropped_count()));
    return lines;
}

Lines read(std::string_view bytes) {
    return test::feed_all_ways(bytes, [](const test::Chunks& chunks) { return read(chunks); });
}

}  // namespace

TEST_CASE("sse: events have a type and data") {
    CHECK(read("data: a\n\n") == Lines{"|a"});
    CHECK(read("event: message_start\ndata: {\"a\":1}\n\nevent: ping\ndata: {}\n\n") ==
          Lines{"message_start|{\"a\":1}", "ping|{}"});
    CHECK(read("data: first\nevent: late\n\ndata: next\n\n") == Lines{"late|first", "|next"});
    CHECK(read("event: a\nevent: b\ndata: x\n\n") == Lines{"b|x"});
}

TEST_CASE("sse: all line ends are known") {
    CHECK(read("data: a\r\n\r\ndata: b\r\n\r\n") == Lines{"|a", "|b"});
    CHECK(read("data: a\r\rdata: b\r\r") == Lines{"|a", "|b"});
    CHECK(read("data: a\r\n\ndata: b\n\r\ndata: c\r\n\rdata: d\r\r\n") ==
          Lines{"|a", "|b", "|c", "|d"});
    CHECK(read("data: a\rdata: b\ndata: c\r\n\r\n") == Lines{"|a\nb\nc"});
}

TEST_CASE("sse: data lines are joined") {
    CHECK(read("data: a\ndata: b\ndata:\ndata: c\n\n") == Lines{"|a\nb\n\nc"});
    CHECK(read("data\ndata\n\n") == Lines{"|\n"});
    CHECK(read("data:\n\n") == Lines{"|"});
    CHECK(read("data\n\n") == Lines{"|"});
}

TEST_CASE("sse: one blank behind the colon is no part of the value") {
    CHECK(read("data:a\n\ndata: b\n\ndata:  c\n\ndata:\td\n\ndata: e : f \n\n") ==
          Lines{"|a", "|b", "| c", "|\td", "|e : f "});
}

TEST_CASE("sse: comments and other fields are skipped") {
    CHECK(read(": hello\n\n:\n\ndata: a\n: in between\nid: 7\nretry: 10\nDATA: x\ndatax: y\n"
               "data: b\n\n") == Lines{"|a\nb"});
    CHECK(read("id: 7\n\nevent: alone\n\ndata: a\n\n") == Lines{"|a"});
    CHECK(read("\n\n\r\n\r\rdata: a\n\n\n\n\n") == Lines{"|a"});
}

TEST_CASE("sse: an error line makes an event") {
    CHECK(read("error: {\"code\":500}\n\n") == Lines{"||error {\"code\":500}"});
    CHECK(read("event: x\ndata: a\nerror: b\n\ndata: c\n\n") == Lines{"x|a|error b", "|c"});
}

TEST_CASE("sse: a byte order mark is skipped at the start only") {
    CHECK(read("\xef\xbb\xbf"
               "data: a\n\n") == Lines{"|a"});
    CHECK(read("\xef\xbb\xbf\ndata: a\n\n\xef\xbb\xbf"
               "data: b\n\n") == Lines{"|a"});
    CHECK(read("\xef\xbb"
               "data: a\ndata: b\n\n") == Lines{"|b"});
    CHECK(read("\xef"
               "\xef\xbb\xbf"
               "data: a\n\ndata: b\n\n") == Lines{"|b"});
    CHECK(read("\xef\xbb\xbf") == Lines{});
}

TEST_CASE("sse: the end of the stream ends the last event") {
    CHECK(read("data: a\n\ndata: [DONE]\n") == Lines{"|a", "|[DONE]|at end"});
    CHECK(read("data: a\n\ndata: [DONE]") == Lines{"|a", "|[DONE]|at end"});
    CHECK(read("data: a\r") == Lines{"|a|at end"});
    CHECK(read("event: x") == Lines{});
    CHECK(read("data: a\ndata: b") == Lines{"|a\nb|at end"});
    CHECK(read("") == Lines{});
}

TEST_CASE("sse: a reader can be used again after the end") {
    SseReader reader;
    Lines lines;
    const auto on_event = [&](const SseEvent& event) { lines.push_back(to_line(event)); };
    for (int i = 0; i < 2; ++i) {
        reader.feed(
            "\xef\xbb\xbf"
            "event: a\ndata: b\r",
            on_event);
        reader.finish(on_event);
    }
    CHECK(lines == Lines{"a|b", "a|b"});
}

TEST_CASE("sse: an event that lies whole in the bytes is not copied") {
    const std::string bytes =
        "event: delta\ndata: {\"long enough to be no short string\":true}\n\n";
    SseReader reader;
    int count = 0;
    reader.feed(bytes, [&](const SseEvent& event) {
        ++count;
        CHECK(event.data.data() == bytes.data() + bytes.find('{'));
        CHECK(event.type.data() == bytes.data() + bytes.find("delta"));
    });
    CHECK(count == 1);
}

TEST_CASE("sse: an event beyond the limit is dropped and counted") {
    constexpr auto limit = limits::sse_event_bytes_max;
    const auto read_some_ways = [](const std::string& bytes) {
        const auto whole = read(test::Chunks{bytes});
        for (const std::size_t size : {4096u, 1000003u, unsigned(limit)})
            CHECK(read(test::cut_every(bytes, size)) == whole);
        return whole;
    };
    SECTION("one long line") {
        const auto lines =
            read_some_ways("data: a\n\ndata: " + std::string(limit, 'x') + "\n\ndata: b\n\n");
        CHECK(lines == Lines{"|a", "|b", "dropped 1"});
    }
    SECTION("many lines") {
        std::string bytes;
        for (std::size_t size = 0; size <= limit; size += 100)
            bytes += "data: " + std::string(100, 'x') + "\n";
        CHECK(read_some_ways(bytes + "\r\ndata: b\n\n" + bytes + "more") ==
              Lines{"|b", "dropped 2"});
    }
    SECTION("a long line without end") {
        CHECK(read_some_ways(std::string(2 * limit, 'x')) == Lines{"dropped 1"});
    }
    SECTION("a long comment between lines") {
        CHECK(read_some_ways("data: a\n:" + std::string(limit, 'x') + "\rdata: b\r\rdata: c\r\r") ==
              Lines{"|c", "dropped 1"});
    }
    SECTION("just within") {
        const std::string longest(limit - 6, 'x');
        CHECK(read(test::Chunks{"data: " + longest + "\n\n"}) == Lines{"|" + longest});
    }
}
