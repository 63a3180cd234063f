#include "http/h2_tap.h"

#include <utility>

#include <nghttp2/nghttp2.h>

#include "base/limits.h"
#include "support/catch.h"
#include "support/feed.h"
#include "support/h2_bytes.h"

using namespace halton;
using namespace halton::http;
namespace h2 = halton::test::h2;

namespace {

constexpr auto up = Direction::to_upstream;
constexpr auto down = Direction::to_client;

struct Step {
    Direction direction;
    std::string bytes;
};
using Script = std::vector<Step>;
using Lines = std::vector<std::string>;

// What happened, as lines; body pieces of one exchange are joined, so that chunking does not show.
class Transcript {
public:
    void add(const EventList& events) {
        for (const Event& event : events) add(event);
    }
    Lines lines;

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
                return line(stream + " < " + std::to_string(event.response->status) +
                            fields(event.response->headers));
            case Event::Kind::response_body: return body(stream + " < body ", event.bytes);
            case Event::Kind::response_end:
                if (event.is_complete) return line(stream + " < end");
                return line(stream + " < cut by " + std::string(name_of(event.leg)));
            case Event::Kind::upgraded: return line(stream + " upgraded");
            case Event::Kind::socket_bytes: return line(stream + " socket");
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
        lines.push_back(std::move(text));
    }
    void body(const std::string& start, std::string_view bytes) {
        CHECK_FALSE(bytes.empty());
        if (body_of_ != start) {
            line(start);
            body_of_ = start;
        }
        lines.back() += bytes;
    }

    std::string body_of_;
};

// Runs the script in all chunkings of its bytes; a cut never joins two steps. Copies die after
// each call, so that a view kept too long is found by a sanitizer.
template <class End>
Lines run_with_end(const Script& script, End end) {
    std::string all;
    for (const Step& step : script) all += step.bytes;
    return test::feed_all_ways(all, [&](const test::Chunks& chunks) {
        H2Tap tap;
        Transcript transcript;
        std::size_t chunk = 0, used = 0;
        for (const Step& step : script) {
            std::size_t left = step.bytes.size();
            while (left > 0) {
                const auto size = std::min(left, chunks[chunk].size() - used);
                const std::string copy(chunks[chunk].substr(used, size));
                EventList events;
                tap.feed(step.direction, copy, events);
                transcript.add(events);
                left -= size;
                used += size;
                if (used == chunks[chunk].size()) {
                    ++chunk;
                    used = 0;
                }
            }
        }
        end(tap, transcript);
        return transcript.lines;
    });
}

Lines run(const Script& script) {
    return run_with_end(script, [](H2Tap&, Transcript&) {});
}

Lines run_and_finish(const Script& script, std::vector<Direction> directions) {
    return run_with_end(script, [&](H2Tap& tap, Transcript& transcript) {
        for (const Direction direction : directions) {
            EventList events;
            tap.finish(direction, events);
            transcript.add(events);
        }
    });
}

// After the usual start of a connection.
Script begun(Script script) {
    script.insert(script.begin(), {{up, h2::client_start}, {down, h2::server_start}});
    return script;
}

Lines get_lines(const std::string& stream, const std::string& path = "/") {
    return {stream + " > GET " + path + " [host=a.example]", stream + " > end"};
}

Lines operator+(Lines a, const Lines& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

const std::string get = h2::request(1, "GET", "/");

// A real encoder, with its table and Huffman code.
class Deflater {
public:
    explicit Deflater(std::size_t table_bytes_max = 4096) {
        REQUIRE(nghttp2_hd_deflate_new(&deflater_, table_bytes_max) == 0);
    }
    ~Deflater() { nghttp2_hd_deflate_del(deflater_); }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;

    void change_table(std::size_t bytes) {
        REQUIRE(nghttp2_hd_deflate_change_table_size(deflater_, bytes) == 0);
    }
    std::string encode(const h2::Fields& fields) {
        std::vector<nghttp2_nv> list;
        for (const auto& [name, value] : fields)
            list.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), 0});
        std::string out(nghttp2_hd_deflate_bound(deflater_, list.data(), list.size()), '\0');
        const auto size =
            nghttp2_hd_deflate_hd(deflater_, bytes_of(out), out.size(), list.data(), list.size());
        REQUIRE(size >= 0);
        out.resize(static_cast<std::size_t>(size));
        return out;
    }

private:
    static std::uint8_t* bytes_of(const std::string& text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    }
    nghttp2_hd_deflater* deflater_ = nullptr;
};

}  // namespace

TEST_CASE("h2_tap: a call is followed") {
    auto fields = h2::request_fields("POST", "/v1/x?y");
    fields.insert(fields.end(), {{"content-type", "a/b"}, {"x", ""}});
    const Script script = begun({
        {up, h2::frame(h2::headers, h2::end_headers, 1, h2::block(fields)) + h2::body(1, "hel") +
                 h2::body(1, "lo", h2::end_stream)},
        {down, h2::frame(h2::headers, h2::end_headers, 1,
                         h2::block({{":status", "201"}, {"server", "s"}})) +
                   h2::body(1, "yes") + h2::body(1, "", h2::end_stream)},
    });
    CHECK(run(script) == Lines{"1 > POST /v1/x?y [host=a.example] [content-type=a/b] [x=]",
                               "1 > body hello", "1 > end", "1 < 201 [server=s]", "1 < body yes",
                               "1 < end"});
}

TEST_CASE("h2_tap: padding, priority, CONTINUATION and unknown frames do not show") {
    const std::string block = h2::block(h2::request_fields("POST", "/"));
    const std::string answer = h2::block({{":status", "200"}, {"a", "b"}});
    const Script script = begun({
        {up, h2::frame(h2::priority, 0, 9, "12345") +
                 h2::frame(h2::headers, h2::padded | h2::has_priority, 1,
                           h2::pad("12345" + block.substr(0, 7), 9)) +
                 h2::frame(h2::continuation, 0, 1, "") +
                 h2::frame(h2::continuation, 0, 1, block.substr(7, 1)) +
                 h2::frame(h2::continuation, h2::end_headers, 1, block.substr(8)) +
                 h2::frame(0x0c, 0xff, 1, "extension") +
                 h2::frame(h2::data, h2::padded, 1, h2::pad("ab", 200)) +
                 h2::frame(h2::ping, 0, 0, "12345678") +
                 h2::frame(h2::data, h2::padded | h2::end_stream, 1, h2::pad("", 3))},
        {down, h2::frame(h2::window_update, 0, 0, "1234") +
                   h2::frame(h2::headers, h2::padded, 1, h2::pad(answer, 1)) +
                   h2::frame(h2::continuation, h2::end_headers, 1, "") +
                   h2::frame(h2::data, h2::padded | h2::end_stream, 1, h2::pad("cd", 0))},
    });
    CHECK(run(script) == Lines{"1 > POST / [host=a.example]", "1 > body ab", "1 > end",
                               "1 < 200 [a=b]", "1 < body cd", "1 < end"});
}

TEST_CASE("h2_tap: streams are interleaved, and end in any order") {
    const Script script = begun({
        {up, h2::request(1, "POST", "/a", h2::end_headers) + h2::body(1, "1") +
                 h2::request(3, "GET", "/b") + h2::request(9, "POST", "/c", h2::end_headers) +
                 h2::body(9, "9") + h2::body(1, "1", h2::end_stream)},
        {down, h2::answer(3, "200") + h2::answer(1, "200") + h2::body(3, "3") + h2::body(1, "i") +
                   h2::body(3, "3", h2::end_stream)},
        {up, h2::body(9, "9", h2::end_stream)},
        {down,
         h2::answer(9, "404", h2::end_headers | h2::end_stream) + h2::body(1, "i", h2::end_stream)},
    });
    CHECK(run(script) == Lines{"1 > POST /a [host=a.example]",
                               "1 > body 1",
                               "2 > GET /b [host=a.example]",
                               "2 > end",
                               "3 > POST /c [host=a.example]",
                               "3 > body 9",
                               "1 > body 1",
                               "1 > end",
                               "2 < 200",
                               "1 < 200",
                               "2 < body 3",
                               "1 < body i",
                               "2 < body 3",
                               "2 < end",
                               "3 > body 9",
                               "3 > end",
                               "3 < 404",
                               "3 < end",
                               "1 < body i",
                               "1 < end"});
}

TEST_CASE("h2_tap: answers that end with their head, interim answers, trailers") {
    const Script script = begun({
        {up, h2::request(1, "HEAD", "/") + h2::request(3, "POST", "/", h2::end_headers)},
        {down, h2::answer(1, "103") + h2::answer(3, "100")},
        {up, h2::body(3, "ab") + h2::frame(h2::headers, h2::end_headers | h2::end_stream, 3,
                                           h2::block({{"x-trailer", "1"}}))},
        {down, h2::answer(1, "103") + h2::answer(1, "200", h2::end_headers | h2::end_stream) +
                   h2::answer(3, "200") + h2::body(3, "cd") +
                   h2::frame(h2::headers, h2::end_headers | h2::end_stream, 3,
                             h2::block({{"grpc-status", "0"}}))},
    });
    CHECK(run(script) == Lines{"1 > HEAD / [host=a.example]", "1 > end",
                               "2 > POST / [host=a.example]", "2 > body ab", "2 > end", "1 < 200",
                               "1 < end", "2 < 200", "2 < body cd", "2 < end"});
}

TEST_CASE("h2_tap: both sides of a call may talk at once") {
    const Script script = begun({
        {up, h2::request(1, "POST", "/", h2::end_headers)},
        {down, h2::answer(1, "200")},
        {up, h2::body(1, "a")},
        {down, h2::body(1, "A")},
        {up, h2::body(1, "b")},
        {down, h2::body(1, "B")},
        {up, h2::body(1, "", h2::end_stream)},
        {down, h2::body(1, "", h2::end_stream)},
    });
    CHECK(run(script) == Lines{"1 > POST / [host=a.example]", "1 < 200", "1 > body a", "1 < body A",
                               "1 > body b", "1 < body B", "1 > end", "1 < end"});
}

TEST_CASE("h2_tap: an answer that ends before its request is the end of the exchange") {
    const Script script = begun({
        {up, h2::request(1, "POST", "/", h2::end_headers) + h2::body(1, "a")},
        {down, h2::answer(1, "413", h2::end_headers | h2::end_stream) + h2::reset(1, 0)},
        {up, h2::body(1, "b") + h2::frame(h2::headers, h2::end_headers | h2::end_stream, 1, "") +
                 h2::reset(1, 8) + h2::request(3, "GET", "/")},
    });
    CHECK(run(script) == Lines{"1 > POST / [host=a.example]", "1 > body a", "1 < 413", "1 < end"} +
                             get_lines("2"));
}

TEST_CASE("h2_tap: a stream that is reset is cut, by the one who did it") {
    for (const auto direction : {up, down}) {
        const std::string who = direction == up ? "client" : "upstream";
        const Script script = begun({
            {up, get + h2::request(3, "POST", "/", h2::end_headers)},
            {down, h2::answer(1, "200") + h2::body(1, "x")},
            {direction, h2::reset(1, 8) + h2::reset(3, 0)},
            {down, h2::body(1, "late") + h2::answer(3, "200")},  // on its way
            {up, h2::body(3, "late", h2::end_stream)},
        });
        CHECK(run(script) == get_lines("1") + Lines{"2 > POST / [host=a.example]", "1 < 200",
                                                    "1 < body x", "1 < cut by " + who,
                                                    "2 < cut by " + who});
    }
}

TEST_CASE("h2_tap: GOAWAY ends the streams above its last one, and no others") {
    const Script script = begun({
        {up, get + h2::request(3, "GET", "/3") + h2::request(5, "GET", "/5") +
                 h2::go_away(0, 0)},  // a client's says nothing about its own streams
        {down, h2::go_away(0x7fffffff, 0) + h2::go_away(3, 0) + h2::answer(3, "200") +
                   h2::body(3, "x", h2::end_stream) +
                   h2::answer(1, "200", h2::end_headers | h2::end_stream)},
    });
    CHECK(run(script) == get_lines("1") + get_lines("2", "/3") + get_lines("3", "/5") +
                             Lines{"3 < cut by upstream", "2 < 200", "2 < body x", "2 < end",
                                   "1 < 200", "1 < end"});
}

TEST_CASE("h2_tap: the end of the connection cuts what is open") {
    const Script script = begun({
        {up, get + h2::request(3, "POST", "/", h2::end_headers) + h2::body(3, "x")},
        {down, h2::answer(1, "200") + h2::body(1, "y")},
    });
    const Lines before = get_lines("1") + Lines{"2 > POST / [host=a.example]", "2 > body x",
                                                "1 < 200", "1 < body y"};
    CHECK(run_and_finish(script, {down, down}) ==
          before + Lines{"1 < cut by upstream", "2 < cut by upstream"});
    CHECK(run_and_finish(script, {up, down, up}) ==
          before + Lines{"2 > cut", "1 < cut by client", "2 < cut by client"});
    CHECK(run_with_end(script, [](H2Tap& tap, Transcript& transcript) {
              for (int i = 0; i < 2; ++i) {  // the second has nothing to add
                  EventList events;
                  tap.abort(events);
                  transcript.add(events);
              }
              CHECK_FALSE(tap.is_blind());
          }) == before + Lines{"1 < cut by upstream", "2 < cut by upstream"});
    CHECK(run_and_finish(begun({}), {up, down}).empty());
}

TEST_CASE("h2_tap: header tables are kept, a direction each") {
    Deflater client, server;
    auto fields = h2::request_fields("POST", "/v1/messages");
    fields.push_back({"user-agent", "some-agent/1.0 (with a long name)"});
    Script script = begun({});
    for (std::uint32_t stream = 1; stream <= 9; stream += 2) {
        script.push_back({up, h2::frame(h2::headers, h2::end_headers | h2::end_stream, stream,
                                        client.encode(fields))});
        // Blocks without a head of ours count for the table as well: interim heads and trailers.
        const auto say = [&](const h2::Fields& said, int flags) {
            script.push_back({down, h2::frame(h2::headers, flags, stream, server.encode(said))});
        };
        say({{":status", "103"}, {"link", "</a>"}}, h2::end_headers);
        say({{":status", "200"}, {"x", std::to_string(stream)}}, h2::end_headers);
        say({{"sum", std::to_string(stream)}}, h2::end_headers | h2::end_stream);
    }
    Lines wanted;
    for (int i = 1; i <= 5; ++i) {
        const std::string n = std::to_string(i);
        wanted = wanted + Lines{n + " > POST /v1/messages [host=a.example] [user-agent=some-agent/"
                                    "1.0 (with a long name)]",
                                n + " > end", n + " < 200 [x=" + std::to_string(2 * i - 1) + "]",
                                n + " < end"};
    }
    CHECK(run(script) == wanted);
}

TEST_CASE("h2_tap: header tables change their size, when and as far as was agreed") {
    Deflater server(65'536);
    const auto answer = [&server](std::uint32_t stream) {
        return h2::frame(h2::headers, h2::end_headers | h2::end_stream, stream,
                         server.encode({{":status", "200"},
                                        {"x", std::string(3000, 'x')},
                                        {"y", std::string(3000, 'y')}}));
    };
    const std::string line =
        " < 200 [x=" + std::string(3000, 'x') + "] [y=" + std::string(3000, 'y') + "]";
    Script script = {{up, h2::preface + h2::frame(h2::settings, 0, 0, h2::setting(1, 65'536))},
                     {down, h2::server_start}};
    Lines wanted;
    const std::vector<std::size_t> sizes = {65'536, 65'536, 0, 100, 8'000, 8'000};
    server.change_table(65'536);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const auto stream = static_cast<std::uint32_t>(2 * i + 1);
        const std::string n = std::to_string(i + 1);
        script.push_back({up, h2::frame(h2::settings, 0, 0,
                                        h2::setting(1, static_cast<std::uint32_t>(sizes[i]))) +
                                  h2::request(stream, "GET", "/")});
        if (i > 0 && sizes[i] != sizes[i - 1]) server.change_table(sizes[i]);
        script.push_back({down, answer(stream)});
        wanted = wanted + get_lines(n) + Lines{n + line, n + " < end"};
    }
    CHECK(run(script) == wanted);

    // Nobody allowed that one.
    Deflater bold(65'536);
    bold.change_table(65'536);
    CHECK(run(begun({{up, get},
                     {down, h2::frame(h2::headers, h2::end_headers, 1,
                                      bold.encode({{":status", "200"}}))}})) ==
          get_lines("1") + Lines{"lost"});
    // And beyond our own limit the table cannot be followed, whatever they agree on.
    Deflater huge(1'000'000);
    huge.change_table(1'000'000);
    CHECK(run({{up, h2::preface + h2::frame(h2::settings, 0, 0, h2::setting(1, 1'000'000)) + get},
               {down, h2::server_start + h2::frame(h2::headers, h2::end_headers, 1,
                                                   huge.encode({{":status", "200"}}))}}) ==
          get_lines("1") + Lines{"lost"});
}

TEST_CASE("h2_tap: frames may be as long as their receiver said") {
    const std::string large(20'000, 'x');
    const Lines before = {"1 > POST / [host=a.example]"};
    const std::string post = h2::request(1, "POST", "/", h2::end_headers);
    CHECK(run({{up, h2::client_start + post},
               {down, h2::frame(h2::settings, 0, 0, h2::setting(5, 20'000))},
               {up, h2::body(1, large)}}) == before + Lines{"1 > body " + large});
    // What the client allows is for the upstream's frames.
    CHECK(run({{up, h2::preface + h2::frame(h2::settings, 0, 0, h2::setting(5, 20'000)) + post},
               {down, h2::server_start},
               {up, h2::body(1, large)}}) == before + Lines{"lost"});
    for (const std::uint32_t size : {16'383u, 0x1000000u})
        CHECK(run({{up, h2::preface + h2::frame(h2::settings, 0, 0, h2::setting(5, size))}}) ==
              Lines{"lost"});
}

TEST_CASE("h2_tap: pushed streams are passed, and their heads count for the table") {
    const Script script = begun({
        {up, get},
        {down, h2::frame(h2::push_promise, h2::end_headers, 1,
                         h2::number(2, 4) + h2::indexed_literal("x-a", "b")) +
                   h2::answer(2, "200") + h2::body(2, "pushed", h2::end_stream) +
                   h2::frame(h2::headers, h2::end_headers | h2::end_stream, 1,
                             h2::literal(":status", "200") + "\xbe")},
        {up, h2::reset(2, 8)},
    });
    CHECK(run(script) == get_lines("1") + Lines{"1 < 200 [x-a=b]", "1 < end"});
}

TEST_CASE("h2_tap: CONNECT, with a protocol too, is passed and counted") {
    auto websocket = h2::request_fields("CONNECT", "/socket");
    websocket.insert(websocket.begin(), {":protocol", "websocket"});
    const Script script = begun({
        {up, h2::frame(h2::headers, h2::end_headers, 1, h2::block(websocket)) +
                 h2::frame(h2::headers, h2::end_headers, 3,
                           h2::block({{":method", "CONNECT"}, {":authority", "a:1"}})) +
                 h2::request(5, "GET", "/")},
        {down, h2::answer(1, "200") + h2::answer(3, "200")},
        {up, h2::body(1, "frames") + h2::body(3, "bytes")},
        {down, h2::body(1, "frames") + h2::reset(1, 0) + h2::answer(5, "200")},
    });
    CHECK(run(script) == Lines{"unseen", "unseen"} + get_lines("1") + Lines{"1 < 200"});
}

TEST_CASE("h2_tap: malformed heads are an affair of their stream") {
    const h2::Fields heads[] = {
        {{":method", "GET"}, {":scheme", "https"}},            // no path
        {{":path", "/"}, {":scheme", "https"}},                // no method
        {{":method", "GET"}, {":path", ""}},                   // empty
        {{":method", "GET"}, {":path", "/"}, {":path", "/"}},  // twice
        {{":method", "GET"}, {"a", "b"}, {":path", "/"}},      // behind others
        {{":method", "GET"}, {":path", "/"}, {":what", "x"}},  // unknown
    };
    for (const auto& head : heads)
        CHECK(run(begun({{up, h2::frame(h2::headers, h2::end_headers, 1, h2::block(head)) +
                                  h2::body(1, "x") + h2::request(3, "GET", "/")},
                         {down, h2::reset(1, 1) + h2::answer(3, "200")}})) ==
              Lines{"unseen"} + get_lines("1") + Lines{"1 < 200"});
    for (const char* status : {"", "20", "2000", "2x0", "099"})
        CHECK(run(begun({{up, get + h2::request(3, "GET", "/3")},
                         {down, h2::answer(1, status) + h2::answer(3, "200")}})) ==
              get_lines("1") + get_lines("2", "/3") + Lines{"1 < cut by upstream", "2 < 200"});
    // An end without an answer.
    for (const auto& end :
         {h2::body(1, "x", h2::end_stream), h2::answer(1, "103", h2::end_headers | h2::end_stream)})
        CHECK(run(begun({{up, get}, {down, end}})) ==
              get_lines("1") + Lines{"1 < cut by upstream"});
}

TEST_CASE("h2_tap: a host field counts where no authority is") {
    h2::Fields fields = {{":method", "GET"}, {":path", "/"}, {"host", "b.example"}};
    CHECK(run(begun({{up, h2::frame(h2::headers, h2::end_headers, 1, h2::block(fields))}})) ==
          Lines{"1 > GET / [host=b.example]"});
    fields.insert(fields.begin(), {":authority", "a.example"});
    CHECK(run(begun({{up, h2::frame(h2::headers, h2::end_headers, 1, h2::block(fields))}})) ==
          Lines{"1 > GET / [host=a.example]"});
}

TEST_CASE("h2_tap: heads over a limit are passed, and the connection is followed on") {
    auto many = h2::request_fields("GET", "/");
    for (std::size_t i = 0; i <= limits::header_count_max; ++i) many.push_back({"a", "b"});
    auto large = h2::request_fields("GET", "/");
    large.push_back({"a", std::string(limits::head_bytes_max - 1000, 'x')});
    large.push_back({"b", std::string(1000, 'x')});
    const auto in_frames = [](std::uint32_t stream, std::string block) {
        std::string bytes = h2::frame(h2::headers, 0, stream, block.substr(0, 16'000));
        for (std::size_t at = 16'000; at < block.size(); at += 16'000)
            bytes += h2::frame(h2::continuation, 0, stream, block.substr(at, 16'000));
        return bytes + h2::frame(h2::continuation, h2::end_headers, stream, "");
    };
    for (const auto& fields : {many, large}) {
        const std::string too_large = in_frames(1, h2::block(fields));
        CHECK(run(begun({{up, too_large + h2::request(3, "GET", "/")},
                         {down, h2::answer(1, "200") + h2::answer(3, "200")}})) ==
              Lines{"unseen"} + get_lines("1") + Lines{"1 < 200"});
    }
    h2::Fields answer(large.begin() + 4, large.end());
    answer.insert(answer.begin(), {":status", "200"});
    CHECK(run(begun({{up, get + h2::request(3, "GET", "/")},
                     {down, in_frames(1, h2::block(answer)) + h2::body(1, "x", h2::end_stream) +
                                h2::answer(3, "200")}})) ==
          get_lines("1") + get_lines("2") + Lines{"1 < cut by upstream", "2 < 200"});
    // A block without end is not decoded for ever.
    std::string endless = h2::frame(h2::headers, 0, 1, "");
    for (std::size_t bytes = 0; bytes <= limits::h2_header_block_bytes_max; bytes += 16'000)
        endless += h2::frame(h2::continuation, 0, 1,
                             h2::block(h2::Fields(16'000 / 16, {"name-7c", "value7"})));
    H2Tap tap;
    EventList events;
    tap.feed(up, h2::client_start + endless, events);
    CHECK(tap.is_blind());
}

TEST_CASE("h2_tap: small bytes that mean large heads are bounded") {
    // One field of almost 4 KiB in the table, said again fifteen times in each head.
    const std::string start = h2::block(h2::request_fields("GET", "/"));
    std::string bytes =
        h2::client_start + h2::frame(h2::headers, h2::end_headers, 1,
                                     start + h2::indexed_literal("x", std::string(4000, 'x')));
    for (std::uint32_t stream = 3; stream < 400; stream += 2)
        bytes += h2::frame(h2::headers, h2::end_headers, stream, start + std::string(15, '\xbe'));
    H2Tap tap;
    EventList events;
    tap.feed(up, bytes, events);
    CHECK(tap.is_blind());
    std::size_t head_bytes = 0;
    for (const Event& event : events)
        if (event.request != nullptr)
            for (const Header& header : event.request->headers.all())
                head_bytes += header.value.size();
    CHECK(head_bytes <= limits::h2_shown_head_bytes_max);
    // The same in pieces is nobody's bomb: each is shown and forgotten.
    H2Tap patient;
    for (const auto chunk : test::cut_every(bytes, 1000)) {
        events.clear();
        patient.feed(up, chunk, events);
    }
    CHECK_FALSE(patient.is_blind());
}

TEST_CASE("h2_tap: streams over the limit are passed, and followed again when others end") {
    H2Tap tap;
    EventList events;
    std::string requests = h2::client_start;
    const auto count = static_cast<std::uint32_t>(limits::h2_open_streams_max);
    for (std::uint32_t i = 0; i < count + 5; ++i) requests += h2::request(2 * i + 1, "GET", "/");
    tap.feed(up, requests, events);
    CHECK(events.size() == 2 * limits::h2_open_streams_max + 5);
    CHECK(events.back().kind == Event::Kind::unseen);
    CHECK_FALSE(tap.is_blind());
    events.clear();
    tap.feed(down,
             h2::server_start + h2::answer(2 * count + 1, "200") +
                 h2::answer(1, "200", h2::end_headers | h2::end_stream),
             events);
    CHECK(events.size() == 2);
    events.clear();
    tap.feed(up, h2::request(2 * (count + 6) + 1, "GET", "/"), events);
    REQUIRE(events.size() == 2);
    CHECK(events[0].stream == count + 1);
}

TEST_CASE("h2_tap: what makes no sense turns it blind, once") {
    const std::string start = h2::client_start;
    const auto block = h2::block(h2::request_fields("GET", "/"));
    for (const std::string& bytes : {
             std::string("GET / HTTP/1.1\r\n\r\n"),
             std::string("PRI * HTTP/2.0\r\n\r\nXX"),
             h2::preface + get,                                      // SETTINGS are missing
             h2::preface + h2::frame(h2::settings, h2::ack, 0, ""),  // those are none
             start + h2::frame(h2::headers, h2::end_headers, 0, block),
             start + h2::frame(h2::headers, h2::end_headers, 2, block),
             start + h2::body(1, "x"),  // idle
             start + h2::body(0, "x"),
             start + h2::reset(1, 0),
             start + h2::reset(0, 0),
             start + h2::frame(h2::continuation, h2::end_headers, 1, block),
             start + h2::frame(h2::settings, 0, 1, ""),
             start + h2::frame(h2::settings, h2::ack, 0, h2::setting(1, 1)),
             start + h2::frame(h2::ping, 0, 1, "12345678"),
             start + h2::frame(h2::goaway, 0, 1, "12345678"),
             start + h2::frame(h2::priority, 0, 0, "12345"),
             start + h2::frame(h2::push_promise, h2::end_headers, 1, h2::number(2, 4)),
             start + h2::frame(h2::headers, 0, 1, block) + h2::frame(h2::ping, 0, 0, "12345678"),
             start + h2::frame(h2::headers, 0, 1, block) +
                 h2::frame(h2::continuation, h2::end_headers, 3, ""),
             start + h2::frame(h2::headers, h2::end_headers, 1, "\xbe"),  // no such index
             start + h2::frame(h2::headers, h2::end_headers, 1, block + "\x40\x05"),  // cut field
             start + h2::frame(h2::rst_stream, 0, 1, "123"),
         }) {
        CHECK(run({{up, bytes}, {down, h2::server_start}, {up, get}}) == Lines{"lost"});
    }
    for (const std::string& bytes : {
             std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
             h2::answer(1, "200"),
             h2::server_start + h2::answer(3, "200"),  // nobody asked
             h2::server_start + h2::body(3, "x"),
             h2::server_start + h2::reset(3, 1),
             h2::server_start + h2::frame(h2::push_promise, 0, 3, h2::number(2, 4)),
         }) {
        CHECK(run({{up, start + get}, {down, bytes}, {up, get}}) == get_lines("1") + Lines{"lost"});
    }
    H2Tap tap;
    EventList events;
    tap.feed(up, "nonsense", events);
    CHECK(tap.is_blind());
    events.clear();
    tap.finish(up, events);
    tap.finish(down, events);
    tap.abort(events);
    tap.release();
    CHECK(events.empty());
}

TEST_CASE("h2_tap: heads hold until the next call, and body events view what was fed") {
    H2Tap tap;
    EventList events;
    const std::string bytes =
        h2::client_start + h2::request(1, "POST", "/", h2::end_headers) + h2::body(1, "abc");
    tap.feed(up, bytes, events);
    REQUIRE(events.size() == 2);
    CHECK(events[0].request->method == "POST");
    CHECK(events[1].bytes.data() == bytes.data() + bytes.size() - 3);
    tap.release();
    H2Tap moved = std::move(tap);
    CHECK_FALSE(moved.is_upgraded());
    events.clear();
    moved.feed(up, h2::body(1, "d"), events);
    CHECK(events.size() == 1);
}
