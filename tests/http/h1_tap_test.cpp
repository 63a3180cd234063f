#include "http/h1_tap.h"

#include <utility>

#include "base/limits.h"
#include "support/catch.h"
#include "support/feed.h"

using namespace halton;
using namespace halton::http;

namespace {

constexpr auto up = Direction::to_upstream;
constexpr auto down = Direction::to_client;

struct Step {
    Direction direction;
    std::string bytes;
};
using Script = std::vector<Step>;

// What happened, as lines; body pieces are joined, so that chunking does not show.
class Transcript {
public:
    void add(const EventList& events) {
        for (const Event& event : events) add(event);
    }
    const std::vector<std::string>& lines() const { return lines_; }

private:
    void add(const Event& event) {
        const std::string stream = std::to_string(event.stream);
        switch (event.kind) {
            case Event::Kind::request_head:
                return line(stream + " > " + event.request->method + ' ' + event.request->target +
                            fields(event.request->headers));
            case Event::Kind::request_body: return body(stream + " > body ", event.bytes);
            case Event::Kind::request_end:
                return line(stream + (event.is_complete ? " > end" : " > cut"));
            case Event::Kind::response_head:
                return line(stream + " < " + std::to_string(event.response->status) + ' ' +
                            event.response->reason + fields(event.response->headers));
            case Event::Kind::response_body: return body(stream + " < body ", event.bytes);
            case Event::Kind::response_end:
                return line(stream + (event.is_complete ? " < end" : " < cut"));
            case Event::Kind::upgraded: return line(stream + " upgraded");
            case Event::Kind::socket_bytes:
                return body(stream + (event.direction == Direction::to_upstream ? " > " : " < ") +
                                "socket ",
                            event.bytes);
            case Event::Kind::unseen: return line("unseen");
            case Event::Kind::lost: return line("lost");
        }
    }
    static std::string fields(const HeaderList& headers) {
        std::string text;
        for (const Header& header : headers.all())
            text += " [" + header.name + "=" + header.value + "]";
        return text;
    }
    void line(std::string text) {
        body_of_.clear();
        lines_.push_back(std::move(text));
    }
    void body(const std::string& start, std::string_view bytes) {
        if (body_of_ != start) {
            line(start);
            body_of_ = start;
        }
        lines_.back() += bytes;
    }

    std::vector<std::string> lines_;
    std::string body_of_;
};

using Lines = std::vector<std::string>;

// Feeds copies that die after each call, so that a view kept too long is found by a sanitizer.
void feed_copy(H1Tap& tap, Direction direction, std::string_view bytes, Transcript& transcript) {
    const std::string copy(bytes);
    EventList events;
    tap.feed(direction, copy, events);
    transcript.add(events);
}

// Runs the script in all chunkings of its bytes; a cut never joins two steps.
template <class End>
Lines run_with_end(const Script& script, End end) {
    std::string all;
    for (const Step& step : script) all += step.bytes;
    return test::feed_all_ways(all, [&](const test::Chunks& chunks) {
        H1Tap tap;
        Transcript transcript;
        std::size_t chunk = 0, used = 0;
        for (const Step& step : script) {
            std::size_t left = step.bytes.size();
            while (left > 0) {
                const auto size = std::min(left, chunks[chunk].size() - used);
                feed_copy(tap, step.direction, chunks[chunk].substr(used, size), transcript);
                left -= size;
                used += size;
                if (used == chunks[chunk].size()) {
                    ++chunk;
                    used = 0;
                }
            }
        }
        end(tap, transcript);
        return transcript.lines();
    });
}

Lines run(const Script& script) {
    return run_with_end(script, [](H1Tap&, Transcript&) {});
}

Lines run_and_finish(const Script& script, Direction direction) {
    return run_with_end(script, [direction](H1Tap& tap, Transcript& transcript) {
        EventList events;
        tap.finish(direction, events);
        transcript.add(events);
    });
}

Lines run_and_abort(const Script& script) {
    return run_with_end(script, [](H1Tap& tap, Transcript& transcript) {
        for (int i = 0; i < 2; ++i) {  // the second has nothing to add
            EventList events;
            tap.abort(events);
            transcript.add(events);
        }
    });
}

const std::string get = "GET / HTTP/1.1\r\n\r\n";
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

Lines get_lines(const std::string& stream) { return {stream + " > GET /", stream + " > end"}; }

Lines ok_lines(const std::string& stream) {
    return {stream + " < 200 OK [Content-Length=2]", stream + " < body hi", stream + " < end"};
}

Lines operator+(Lines a, const Lines& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

}  // namespace

TEST_CASE("h1_tap: a call with lengths is followed") {
    const Script script = {
        {up, "POST /v1/x?y HTTP/1.1\r\nHost:  a \t\r\nContent-Length: 5\r\nX:\r\n\r\nhello"},
        {down, "HTTP/1.1 201 Well Made\r\nContent-Length: 3\r\n\r\nyes"},
    };
    CHECK(run(script) == Lines{"1 > POST /v1/x?y [Host=a] [Content-Length=5] [X=]",
                               "1 > body hello", "1 > end", "1 < 201 Well Made [Content-Length=3]",
                               "1 < body yes", "1 < end"});
}

TEST_CASE("h1_tap: chunked bodies lose their framing, extensions and trailers") {
    const Script script = {
        {up,
         "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n"
         "5;a;b=\"c d\"\r\nhello\r\n1\r\n!\r\n0\r\nX-Trailer: 1\r\nY: 2\r\n\r\n"},
        {down,
         "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
         "00A\r\n0123456789\r\na;x=y\r\nabcdefghij\r\n0\r\nServer-Timing: x\r\n\r\n"},
        {up, get},
        {down, ok},
    };
    CHECK(run(script) == Lines{"1 > POST / [Transfer-Encoding=Chunked]", "1 > body hello!",
                               "1 > end", "1 < 200 OK [transfer-encoding=chunked]",
                               "1 < body 0123456789abcdefghij", "1 < end"} +
                             get_lines("2") + ok_lines("2"));
}

TEST_CASE("h1_tap: calls follow each other on one connection") {
    CHECK(run({{up, get},
               {down, ok},
               {up, get},
               {down, ok + "\r\n"},
               {up, "\r\n" + get},
               {down, ok}}) == get_lines("1") + ok_lines("1") + get_lines("2") + ok_lines("2") +
                                   get_lines("3") + ok_lines("3"));
}

TEST_CASE("h1_tap: pipelined answers belong to their requests in order") {
    const Script script = {
        {up, "HEAD /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 1\r\n\r\nx" + get},
        {down, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + ok + ok},
    };
    CHECK(run(script) == Lines{"1 > HEAD /a", "1 > end", "2 > POST /b [Content-Length=1]",
                               "2 > body x", "2 > end"} +
                             get_lines("3") + Lines{"1 < 200 OK [Content-Length=100]", "1 < end"} +
                             ok_lines("2") + ok_lines("3"));
}

TEST_CASE("h1_tap: pipelining is bounded") {
    std::string requests;
    for (std::size_t i = 0; i < limits::pipelined_exchanges_max; ++i) requests += get;
    H1Tap tap;
    EventList events;
    tap.feed(up, requests, events);
    CHECK_FALSE(tap.is_blind());
    CHECK(events.size() == 2 * limits::pipelined_exchanges_max);
    events.clear();
    tap.feed(up, get, events);
    CHECK(tap.is_blind());
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == Event::Kind::lost);
}

TEST_CASE("h1_tap: answers without a body end with their head") {
    for (const auto* status : {"204 No Content", "304 Not Modified"}) {
        const std::string head =
            std::string("HTTP/1.1 ") + status + "\r\nContent-Length: 7\r\n\r\n";
        CHECK(run({{up, get}, {down, head}, {up, get}, {down, ok}}) ==
              get_lines("1") +
                  Lines{std::string("1 < ") + status + " [Content-Length=7]", "1 < end"} +
                  get_lines("2") + ok_lines("2"));
    }
    CHECK(run({{up, "HEAD / HTTP/1.1\r\n\r\n"},
               {down, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
               {up, get},
               {down, ok}}) ==
          Lines{"1 > HEAD /", "1 > end", "1 < 200 OK [Transfer-Encoding=chunked]", "1 < end"} +
              get_lines("2") + ok_lines("2"));
}

TEST_CASE("h1_tap: interim answers are not reported") {
    const Script script = {
        {up, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"},
        {down, "HTTP/1.1 100 Continue\r\n\r\n"},
        {up, "ab"},
        {down, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok},
        {up, get},
        {down, ok},
    };
    CHECK(run(script) ==
          Lines{"1 > POST / [Expect=100-continue] [Content-Length=2]", "1 > body ab", "1 > end"} +
              ok_lines("1") + get_lines("2") + ok_lines("2"));
}

TEST_CASE("h1_tap: an answer may last until the connection ends") {
    for (const std::string head :
         {"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", "HTTP/1.0 200 OK\r\nX: y\r\n\r\n"}) {
        CHECK(run_and_finish({{up, get}, {down, head + "some text"}}, down) ==
              get_lines("1") + Lines{"1 < 200 OK [X=y]", "1 < body some text", "1 < end"});
        CHECK(run_and_finish({{up, get}, {down, head}}, down) ==
              get_lines("1") + Lines{"1 < 200 OK [X=y]", "1 < end"});
        CHECK(run_and_abort({{up, get}, {down, head + "some text"}}) ==
              get_lines("1") + Lines{"1 < 200 OK [X=y]", "1 < body some text", "1 < cut"});
    }
}

TEST_CASE("h1_tap: an answer that ends early is incomplete") {
    const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    CHECK(run_and_finish({{up, get}, {down, length}}, down) ==
          get_lines("1") + Lines{"1 < 200 OK [Content-Length=9]", "1 < body abc", "1 < cut"});
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    CHECK(run_and_finish({{up, get}, {down, chunked}}, down) ==
          get_lines("1") +
              Lines{"1 < 200 OK [Transfer-Encoding=chunked]", "1 < body abc", "1 < cut"});
    CHECK(run_and_finish({{up, get}, {down, "HTTP/1.1 200 O"}}, down) ==
          get_lines("1") + Lines{"1 < cut"});
    CHECK(run_and_finish({{up, get + get}, {down, ok}}, down) ==
          get_lines("1") + get_lines("2") + ok_lines("1") + Lines{"2 < cut"});
    CHECK(run_and_finish({{up, get}, {down, ok}}, down) == get_lines("1") + ok_lines("1"));
}

TEST_CASE("h1_tap: the end of the client's side leaves the answer open") {
    H1Tap tap;
    Transcript transcript;
    feed_copy(tap, up, get, transcript);
    EventList events;
    tap.finish(up, events);
    CHECK(events.empty());
    feed_copy(tap, down, ok, transcript);
    CHECK(transcript.lines() == get_lines("1") + ok_lines("1"));

    CHECK(run_and_finish({{up, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"}}, up) ==
          Lines{"1 > POST / [Content-Length=9]", "1 > body abc", "1 > cut"});
    CHECK(run_and_finish({{up, "POST / HTTP/1.1\r\nConte"}}, up) == Lines{});
}

TEST_CASE("h1_tap: nothing follows the end of the server's side") {
    H1Tap tap;
    EventList events;
    tap.feed(up, get, events);
    events.clear();
    tap.finish(down, events);
    REQUIRE(events.size() == 1);
    CHECK_FALSE(events[0].is_complete);
    events.clear();
    tap.feed(up, get, events);
    tap.feed(down, ok, events);
    tap.finish(down, events);
    tap.abort(events);
    CHECK(events.empty());
    CHECK_FALSE(tap.is_blind());
}

TEST_CASE("h1_tap: an abort ends every open exchange") {
    CHECK(run_and_abort({}) == Lines{});
    CHECK(run_and_abort({{up, get + get}}) ==
          get_lines("1") + get_lines("2") + Lines{"1 < cut", "2 < cut"});
    CHECK(run_and_abort({{up, get}, {down, ok}}) == get_lines("1") + ok_lines("1"));
    CHECK(run_and_abort({{up, "GET / HT"}}) == Lines{});
}

TEST_CASE("h1_tap: an answer may come before its request has ended") {
    const Script script = {
        {up, "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"},
        {down, ok},
        {up, "def" + get},
        {down, ok},
    };
    CHECK(run(script) == Lines{"1 > POST / [Content-Length=6]", "1 > body abc"} + ok_lines("1") +
                             get_lines("2") + ok_lines("2"));
}

TEST_CASE("h1_tap: behind an accepted upgrade to a WebSocket its bytes are handed on") {
    const std::string ask = "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    const std::string yes =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    const Lines asked = {"1 > GET /ws [Connection=Upgrade] [Upgrade=websocket]", "1 > end"};
    const Lines accepted = {"1 < 101 Switching Protocols [Connection=Upgrade] [Upgrade=websocket]",
                            "1 upgraded"};
    CHECK(run_and_abort({{up, ask},
                         {down, yes + "\x81\x05hello"},
                         {up, "GET / HTTP/1.1\r\n"},
                         {down, "garbage"}}) ==
          asked + accepted +
              Lines{"1 < socket \x81\x05hello", "1 > socket GET / HTTP/1.1\r\n",
                    "1 < socket garbage"});
    CHECK(run({{up, get + ask}, {down, ok + yes}, {up, "x"}}).back() == "2 > socket x");

    SECTION("an upgrade to anything else silences the tap") {
        CHECK(run({{up, get}, {down, "HTTP/1.1 101 \r\n\r\nxyz"}, {up, "x"}}) ==
              get_lines("1") + Lines{"1 < 101 ", "1 upgraded"});
        const std::string other = "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
        CHECK(run({{up, ask}, {down, other + "xyz"}, {up, "x"}}).back() == "1 upgraded");
    }
    SECTION("a declined one is an exchange like others") {
        CHECK(run({{up, ask}, {down, ok}, {up, get}, {down, ok}}) ==
              asked + ok_lines("1") + get_lines("2") + ok_lines("2"));
    }
    SECTION("bytes that do not wait for the answer cannot be read") {
        CHECK(run({{up, ask + get}}) == asked + Lines{"lost"});
        CHECK(run({{up, ask}, {up, get}, {down, ok}}) == asked + Lines{"lost"});
    }
    SECTION("declined before the request has ended") {
        const std::string post =
            "POST /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\n";
        CHECK(run({{up, post + "ab"}, {down, ok}, {up, "cd" + get}, {down, ok}}) ==
              Lines{"1 > POST /ws [Connection=Upgrade] [Upgrade=x] [Content-Length=4]",
                    "1 > body ab"} +
                  ok_lines("1") + get_lines("2") + ok_lines("2"));
    }
}

TEST_CASE("h1_tap: a tunnel silences the tap") {
    const std::string ask = "CONNECT a:443 HTTP/1.1\r\n\r\n";
    CHECK(run({{up, ask},
               {down, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x16\x03"},
               {up, "\x16\x03\x01"}}) ==
          Lines{"1 > CONNECT a:443", "1 > end", "1 < 200 OK [Content-Length=5]", "1 upgraded"});
    CHECK(run({{up, ask},
               {down, "HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx"},
               {up, get},
               {down, ok}}) == Lines{"1 > CONNECT a:443", "1 > end",
                                     "1 < 407 No [Content-Length=1]", "1 < body x", "1 < end"} +
                                   get_lines("2") + ok_lines("2"));
}

TEST_CASE("h1_tap: the state is visible") {
    H1Tap tap;
    EventList events;
    tap.feed(up, get, events);
    CHECK_FALSE(tap.is_upgraded());
    tap.feed(down, "HTTP/1.1 101 X\r\n\r\n", events);
    CHECK(tap.is_upgraded());
    CHECK_FALSE(tap.is_blind());
    H1Tap moved = std::move(tap);
    CHECK(moved.is_upgraded());
}

TEST_CASE("h1_tap: a request in doubt turns the tap blind, once") {
    const std::string post = "POST / HTTP/1.1\r\n";
    for (const std::string& head : {
             post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
             post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
             post + "Content-Length: 1, 2\r\n\r\n",
             post + "Content-Length: 1x\r\n\r\n",
             post + "Content-Length: -1\r\n\r\n",
             post + "Content-Length : 1\r\n\r\n",
             post + "Content-Length: 99999999999999999999\r\n\r\n",
             post + "Transfer-Encoding: gzip, chunked\r\n\r\n",
             post + "Transfer-Encoding: chunked, gzip\r\n\r\n",
             post + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
             post + "Transfer-Encoding: xchunked\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
             std::string("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
             std::string("GET / HTTP/2.0\r\n\r\n"),
             std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
             std::string("\x16\x03\x01\x02"),
             std::string("\0\0\0\0", 4),
             std::string("HTTP/1.1 200 OK\r\n\r\n"),
         }) {
        INFO(head);
        const auto lines = run({{up, head}, {up, get}, {down, ok}, {up, head}});
        REQUIRE_FALSE(lines.empty());
        CHECK(lines.back() == "lost");
        CHECK(std::count(lines.begin(), lines.end(), "lost") == 1);
    }
}

TEST_CASE("h1_tap: an answer in doubt turns the tap blind, once") {
    const std::string status = "HTTP/1.1 200 OK\r\n";
    for (const std::string& head : {
             status + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
             status + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
             status + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
             status + "Content-Length : 1\r\n\r\n",
             status + "Transfer-Encoding: gzip, chunked\r\n\r\n",
             status + "Transfer-Encoding: identity\r\n\r\n",
             status + "Transfer-Encoding: chunked\r\n\r\nx",
             std::string("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
             std::string("HTTP/2.0 200 OK\r\n\r\n"),
             std::string("HTTP/1.1 20 OK\r\n\r\n"),
             std::string("ICY 200 OK\r\n\r\n"),
             std::string("SSH-2.0-x\r\n"),
             get,
         }) {
        INFO(head);
        const auto lines = run_and_abort({{up, get}, {down, head}, {down, ok}, {up, get}});
        REQUIRE_FALSE(lines.empty());
        CHECK(lines.back() == "lost");
        CHECK(std::count(lines.begin(), lines.end(), "lost") == 1);
        CHECK(std::count(lines.begin(), lines.end(), "1 < end") == 0);
    }
    SECTION("without a request") {
        CHECK(run({{down, "HTTP/1.1 408 Request Timeout\r\n\r\n"}, {up, get}}) == Lines{"lost"});
        CHECK(run({{up, get}, {down, ok + ok}}) == get_lines("1") + ok_lines("1") + Lines{"lost"});
    }
}

TEST_CASE("h1_tap: heads have limits") {
    const auto is_blind_after = [](const std::string& head) {
        H1Tap tap;
        EventList events;
        for (const auto chunk : test::cut_every(head, 1000)) {
            events.clear();
            tap.feed(up, chunk, events);
        }
        return tap.is_blind();
    };
    const auto many = [](std::size_t count) {
        std::string head = "GET / HTTP/1.1\r\n";
        for (std::size_t i = 0; i < count; ++i) head += "X: y\r\n";
        return head + "\r\n";
    };
    CHECK_FALSE(is_blind_after(many(limits::header_count_max)));
    CHECK(is_blind_after(many(limits::header_count_max + 1)));
    const std::string start = "GET / HTTP/1.1\r\nX: ";
    CHECK_FALSE(is_blind_after(start + std::string(limits::head_bytes_max - 10, 'a') + "\r\n\r\n"));
    CHECK(is_blind_after(start + std::string(limits::head_bytes_max, 'a')));
    CHECK(is_blind_after("GET /" + std::string(limits::head_bytes_max, 'a')));
    CHECK(is_blind_after("GET / HTTP/1.1\r\n" + std::string(limits::head_bytes_max, 'a')));
}

TEST_CASE("h1_tap: a body event views the fed bytes") {
    H1Tap tap;
    EventList events;
    const std::string bytes = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    tap.feed(up, bytes, events);
    REQUIRE(events.size() == 3);
    CHECK(events[1].bytes.data() == bytes.data() + bytes.size() - 5);
}

TEST_CASE("h1_tap: events of several heads in one feed hold together") {
    H1Tap tap;
    EventList events;
    tap.feed(up, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n", events);
    REQUIRE(events.size() == 6);
    CHECK(events[0].request->target == "/a");
    CHECK(events[2].request->target == "/b");
    CHECK(events[4].request->target == "/c");
    tap.release();
    events.clear();
    tap.feed(down, ok, events);
    CHECK(events.size() == 3);
}
