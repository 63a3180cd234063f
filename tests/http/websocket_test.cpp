#include "http/websocket.h"

#include <vector>

#include "base/limits.h"
#include "support/catch.h"
#include "support/feed.h"
#include "support/websocket.h"

using namespace halton;
using http::Direction;
using http::read_websocket_terms;
using http::WebSocketDeflate;
using http::WebSocketPiece;
using http::WebSocketReader;
using http::WebSocketTerms;
using test::Deflater;
using test::frame;
using test::FrameForm;
using test::Op;

namespace {

using Lines = std::vector<std::string>;
using Terms = std::optional<WebSocketDeflate>;

// The messages, put together from their pieces. Every fed piece is a copy that dies at once.
Lines read(Direction direction, const Terms& terms, const test::Chunks& chunks) {
    WebSocketReader reader(direction, terms);
    Lines lines;
    std::string message;
    bool is_open = false;
    for (const auto chunk : chunks) {
        const std::string copy(chunk);
        reader.feed(copy, [&](const WebSocketPiece& piece) {
            if (piece.is_first != !is_open) lines.push_back("a piece out of order");
            message += piece.bytes;
            is_open = !piece.is_last;
            if (piece.is_last) lines.push_back(std::exchange(message, {}));
        });
    }
    if (is_open) lines.push_back("open: " + message);
    if (reader.is_closed()) lines.push_back("closed");
    if (reader.is_broken()) lines.push_back("broken");
    return lines;
}

Lines read_received(std::string_view bytes, const Terms& terms = {}) {
    return test::feed_all_ways(bytes, [&](const test::Chunks& chunks) {
        return read(Direction::to_client, terms, chunks);
    });
}

Lines read_sent(std::string_view bytes, const Terms& terms = {}) {
    return test::feed_all_ways(bytes, [&](const test::Chunks& chunks) {
        return read(Direction::to_upstream, terms, chunks);
    });
}

std::optional<WebSocketTerms> terms_of(const std::string& extensions) {
    http::HeaderList headers;
    if (!extensions.empty()) headers.add("Sec-WebSocket-Extensions", extensions);
    return read_websocket_terms(headers);
}

const FrameForm masked{.is_masked = true};
const FrameForm first_part{.is_final = false};
const FrameForm compressed{.is_compressed = true};
const WebSocketDeflate usual{};

}  // namespace

TEST_CASE("websocket: a message a frame") {
    CHECK(read_received("") == Lines{});
    CHECK(read_received(frame(Op::text, "Hello")) == Lines{"Hello"});
    CHECK(read_received(frame(Op::binary, "\x01\x02") + frame(Op::text, "") +
                        frame(Op::text, "x")) == Lines{"\x01\x02", "", "x"});
    // From RFC 6455, section 5.7.
    CHECK(read_received("\x81\x05\x48\x65\x6c\x6c\x6f") == Lines{"Hello"});
    CHECK(read_sent("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") == Lines{"Hello"});
}

TEST_CASE("websocket: lengths of all forms") {
    for (const std::size_t size : {0, 1, 7, 8, 9, 125, 126, 127, 300, 4'000}) {
        const std::string text(size, 'x');
        CHECK(read_received(frame(Op::text, text) + frame(Op::text, "y")) == Lines{text, "y"});
        CHECK(read_sent(frame(Op::text, text, masked) + frame(Op::text, "y", masked)) ==
              Lines{text, "y"});
    }
    std::string large;
    while (large.size() < 200'000) large += std::to_string(large.size()) + ' ';
    const std::string wire = frame(Op::binary, large, masked);
    for (const std::size_t piece : {wire.size(), std::size_t{16'384}, std::size_t{16'383}})
        CHECK(read(Direction::to_upstream, {}, test::cut_every(wire, piece)) == Lines{large});
    CHECK(read(Direction::to_client, {}, test::cut_every(frame(Op::binary, large), 65'536)) ==
          Lines{large});
    // Longer forms than needed say the same.
    CHECK(read_received(frame(Op::text, "abc", {.length_bytes = 2}) +
                        frame(Op::text, "def", {.length_bytes = 8})) == Lines{"abc", "def"});
    const std::string beyond = "\x82\x7f\x80" + std::string(7, '\0');
    CHECK(read_received(beyond + "abc") == Lines{"broken"});
}

TEST_CASE("websocket: a message in fragments, with control frames between them") {
    CHECK(read_received(frame(Op::text, "Hel", first_part) + frame(Op::continuation, "lo")) ==
          Lines{"Hello"});
    CHECK(read_received(frame(Op::text, "a", first_part) + frame(Op::ping, "are you there") +
                        frame(Op::continuation, "b", first_part) + frame(Op::pong, "") +
                        frame(Op::continuation, "", first_part) + frame(Op::continuation, "c") +
                        frame(Op::ping, "") + frame(Op::text, "d")) == Lines{"abc", "d"});
    CHECK(read_received(frame(Op::text, "", first_part) + frame(Op::continuation, "")) ==
          Lines{""});
    CHECK(read_sent(frame(Op::text, "Hel", {.is_final = false, .is_masked = true}) +
                    frame(Op::ping, "x", masked) +
                    frame(Op::continuation, "lo", {.is_masked = true, .key = "abcd"})) ==
          Lines{"Hello"});
    CHECK(read_received(frame(Op::text, "Hel", first_part)) == Lines{"open: Hel"});
    CHECK(read_received(frame(Op::text, "Hello").substr(0, 5)) == Lines{"open: Hel"});
}

TEST_CASE("websocket: a Close ends a direction") {
    CHECK(read_received(frame(Op::text, "a") + frame(Op::close, "\x03\xe8") + frame(Op::text, "b") +
                        "\xff\xff") == Lines{"a", "closed"});
    CHECK(read_received(frame(Op::close, "")) == Lines{"closed"});
    CHECK(read_received(frame(Op::text, "a", first_part) + frame(Op::close, "")) ==
          Lines{"open: a", "closed"});
}

TEST_CASE("websocket: what a peer must not send ends the reading") {
    const std::string good = frame(Op::text, "a");
    for (const std::string& bad : {
             std::string("\x83\x00", 2),  // opcodes of no meaning
             std::string("\x8b\x00", 2),
             std::string("\xc1\x00", 2),  // compressed without having agreed
             std::string("\xa1\x00", 2),  // reserved bits
             std::string("\x91\x00", 2), std::string("\x80\x00", 2),  // goes on with nothing
             std::string("\x01\x00\x81\x00", 4),                      // begins inside another
             std::string("\x09\x00", 2),              // a control frame in fragments
             frame(Op::ping, std::string(126, 'x')),  // a large one
             frame(Op::text, "x", masked),            // masked by a server
         }) {
        const Lines lines = read_received(good + bad + good);
        CHECK(lines.front() == "a");
        CHECK(lines.back() == "broken");
        CHECK(lines.size() <= 3);
    }
    CHECK(read_sent(frame(Op::text, "x")) == Lines{"broken"});
    CHECK(read_received("HTTP/1.1 200 OK\r\n\r\n") == Lines{"broken"});
}

TEST_CASE("websocket: compressed messages, with and without context take-over") {
    const std::string text =
        R"({"type":"response.output_text.delta","delta":"and so on and so on and so on"})";
    for (const bool keeps_context : {true, false}) {
        Deflater deflater(keeps_context);
        const WebSocketDeflate terms{15, keeps_context};
        std::string wire;
        Lines expected;
        for (int i = 0; i < 5; ++i) {
            expected.push_back(text + std::to_string(i));
            wire += frame(Op::text, deflater.compress(expected.back()), compressed);
        }
        // The take-over shows: what was said before costs next to nothing.
        CHECK((wire.size() < 160) == keeps_context);
        CHECK(read_received(wire, terms) == expected);
        // One that is not compressed in between is none of the compressor's business.
        CHECK(read_received(frame(Op::text, "plain") + wire, terms).front() == "plain");
    }
    CHECK(read_received(frame(Op::text, std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), compressed),
                        usual) == Lines{"Hello"});  // RFC 7692, section 7.2.3.1
    CHECK(read_received(frame(Op::text, std::string(1, '\0'), compressed), usual) == Lines{""});
    CHECK(read_received(frame(Op::text, "", compressed), usual) == Lines{""});
}

TEST_CASE("websocket: a compressed message in fragments") {
    Deflater deflater;
    const std::string one = deflater.compress("a message that is cut into three");
    const std::string two = deflater.compress("a message that is cut no more");
    CHECK(read_received(
              frame(Op::text, one.substr(0, 5), {.is_final = false, .is_compressed = true}) +
                  frame(Op::ping, "x") + frame(Op::continuation, one.substr(5, 7), first_part) +
                  frame(Op::continuation, one.substr(12)) + frame(Op::text, two, compressed),
              usual) == Lines{"a message that is cut into three", "a message that is cut no more"});
    // The bit belongs to the first fragment.
    CHECK(read_received(frame(Op::text, one, {.is_final = false, .is_compressed = true}) +
                            frame(Op::continuation, "", compressed),
                        usual)
              .back() == "broken");
    const std::string masked_wire =
        frame(Op::text, one, {.is_compressed = true, .is_masked = true}) +
        frame(Op::text, two, {.is_compressed = true, .is_masked = true});
    CHECK(read_sent(masked_wire, usual).size() == 2);
}

TEST_CASE("websocket: small windows, and streams that end inside a message") {
    for (const int bits : {9, 10, 15}) {
        Deflater deflater(true, bits);
        std::string wire;
        Lines expected;
        for (int i = 0; i < 4; ++i) {
            std::string text;
            while (text.size() < 3'000) text += std::to_string(text.size() * 7919 + 1) + ',';
            expected.push_back(text);
            wire += frame(Op::binary, deflater.compress(text), compressed);
        }
        CHECK(read_received(wire, WebSocketDeflate{bits, true}) == expected);
    }
    // RFC 7692, section 7.2.3.4: a final block, and the window goes on behind it.
    const std::string hello("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8);
    const std::string again("\xf2\x00\x11\x00\x00", 5);  // section 7.2.3.2: "Hello" by reference
    CHECK(read_received(frame(Op::text, hello, compressed) + frame(Op::text, again, compressed),
                        usual) == Lines{"Hello", "Hello"});
    CHECK(read_received(frame(Op::text, hello, compressed) + frame(Op::text, again, compressed),
                        WebSocketDeflate{15, false})
              .back() == "broken");
    Deflater ending;
    std::string ended;
    for (int i = 0; i < 20; ++i)
        ended += frame(Op::text, ending.compress("one of many", true), compressed);
    CHECK(read_received(ended, usual).size() == 20);
    std::string many;
    for (int i = 0; i < 40; ++i) many += std::string("\x03\x00", 2);  // empty final blocks
    CHECK(read_received(frame(Op::text, many, compressed), usual).back() == "broken");
}

TEST_CASE("websocket: a bad deflate stream, and a bomb, end the reading") {
    CHECK(read_received(frame(Op::text, "\xff\xff\xff\xff", compressed), usual).back() == "broken");
    Deflater deflater;
    const std::string mebibyte(1024 * 1024, 'x');
    std::string bomb;
    for (std::uint64_t size = 0; size <= limits::decoded_bytes_max; size += mebibyte.size()) {
        const bool is_first = bomb.empty();
        bomb += frame(is_first ? Op::text : Op::continuation,
                      deflater.compress(mebibyte) + std::string("\0\0\xff\xff", 4),
                      {.is_final = false, .is_compressed = is_first});
    }
    CHECK(bomb.size() < 200'000);
    WebSocketReader reader(Direction::to_client, usual);
    std::uint64_t shown = 0;
    reader.feed(bomb, [&](const WebSocketPiece& piece) { shown += piece.bytes.size(); });
    CHECK(reader.is_broken());
    CHECK(shown <= limits::decoded_bytes_max + mebibyte.size());
}

TEST_CASE("websocket: what was agreed on") {
    CHECK(terms_of("") == WebSocketTerms{});
    CHECK(terms_of("permessage-deflate") == WebSocketTerms{usual, usual});
    CHECK(terms_of("permessage-deflate; server_no_context_takeover; client_no_context_takeover") ==
          WebSocketTerms{WebSocketDeflate{15, false}, WebSocketDeflate{15, false}});
    CHECK(
        terms_of("Permessage-Deflate;client_max_window_bits=10 ; server_max_window_bits=\"12\"") ==
        WebSocketTerms{WebSocketDeflate{10, true}, WebSocketDeflate{12, true}});
    CHECK(terms_of("permessage-deflate; client_max_window_bits") == WebSocketTerms{usual, usual});
    CHECK(terms_of("permessage-deflate; server_max_window_bits=8") ==
          WebSocketTerms{usual, WebSocketDeflate{8, true}});
    for (const char* strange :
         {"permessage-bzip2", "permessage-deflate, x-other", "permessage-deflate; more",
          "permessage-deflate; server_max_window_bits=7",
          "permessage-deflate; server_max_window_bits=16",
          "permessage-deflate; client_max_window_bits=x",
          "permessage-deflate, permessage-deflate"}) {
        INFO(strange);
        CHECK_FALSE(terms_of(strange));
    }
    http::HeaderList twice;
    twice.add("Sec-WebSocket-Extensions", "permessage-deflate");
    twice.add("Sec-WebSocket-Extensions", "x");
    CHECK_FALSE(read_websocket_terms(twice));
}

TEST_CASE("websocket: an upgrade is known by its header") {
    http::HeaderList headers;
    CHECK_FALSE(http::is_websocket_upgrade(headers));
    headers.add("Upgrade", "WebSocket");
    CHECK(http::is_websocket_upgrade(headers));
    http::HeaderList other;
    other.add("Upgrade", "h2c");
    CHECK_FALSE(http::is_websocket_upgrade(other));
}
