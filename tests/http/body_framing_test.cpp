#include "http/body_framing.h"

#include <random>

#include "support/catch.h"

using namespace halton;
using namespace halton::http;

namespace {

RequestHead head_with(const char* name, const char* value) {
    RequestHead head;
    head.method = "POST";
    head.target = "/";
    if (*name != '\0') head.headers.add(name, value);
    return head;
}

struct Read {
    std::string data;
    std::size_t taken = 0;
    bool is_done = false;
    bool is_broken = false;
    bool operator==(const Read&) const = default;
};

Read read(const RequestHead& head, std::string_view bytes, std::size_t piece_bytes) {
    auto framing = BodyFraming::of(head);
    REQUIRE(framing);
    Read read;
    const auto take = [&](std::string_view data) { read.data += data; };
    while (read.taken < bytes.size() && !framing->is_done() && !framing->is_broken()) {
        const auto piece = bytes.substr(read.taken, piece_bytes);
        const auto taken = framing->feed(piece, take);
        if (!framing->is_done() && !framing->is_broken()) REQUIRE(taken == piece.size());
        read.taken += taken;
    }
    read.is_done = framing->is_done();
    read.is_broken = framing->is_broken();
    return read;
}

}  // namespace

TEST_CASE("body framing: no body, and a counted one") {
    CHECK(BodyFraming::of(head_with("", ""))->is_done());
    CHECK(BodyFraming::of(head_with("Content-Length", "0"))->is_done());
    for (const std::size_t piece : {1, 2, 3, 100}) {
        const auto found = read(head_with("Content-Length", "5"), "helloGET / HTTP/1.1", piece);
        CHECK(found == Read{"hello", 5, true, false});
    }
    CHECK_FALSE(read(head_with("Content-Length", "6"), "hello", 2).is_done);
}

TEST_CASE("body framing: chunks, with everything that chunks may have, cut anywhere") {
    const auto head = head_with("Transfer-Encoding", "Chunked");
    const std::string body =
        "5\r\nhello\r\n0006;name=\"value\"\r\n, worl\r\n1 \r\nd\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n";
    for (std::size_t piece = 1; piece <= body.size() + 20; ++piece)
        CHECK(read(head, body + "POST /next", piece) ==
              Read{"hello, world", body.size(), true, false});
    CHECK(read(head, "0\r\n\r\n", 1) == Read{"", 5, true, false});
}

TEST_CASE("body framing: what is no chunked coding is broken at once") {
    const auto head = head_with("Transfer-Encoding", "chunked");
    for (const std::string bytes :
         {"\r\n", "x\r\n", "5\nhello", "5\r\nhelloX\r\n", "5\r\nhello\n", "-1\r\n", "0\r\nA: b\n",
          "5;a\nb\r\n", "5\rX", "0x5\r\n", "fffffffffffffffff\r\n", " 5\r\n"}) {
        INFO(bytes);
        CHECK(read(head, bytes, 1).is_broken);
        CHECK(read(head, bytes, 100).is_broken);
    }
    CHECK(read(head, "5;" + std::string(2000, 'a'), 100).is_broken);
    CHECK(read(head, "0\r\nA: " + std::string(70'000, 'a'), 1000).is_broken);
    CHECK_FALSE(BodyFraming::of(head_with("Transfer-Encoding", "gzip, chunked")));
    CHECK_FALSE(BodyFraming::of(head_with("Transfer-Encoding", "")));
}

TEST_CASE("body framing: random bytes end, break or wait, and pieces change nothing") {
    std::mt19937 random(11);
    const std::string letters = "0123456789abcdefF;\r\n\r\n xX";
    const auto head = head_with("Transfer-Encoding", "chunked");
    for (int i = 0; i < 3000; ++i) {
        std::string bytes;
        for (auto count = random() % 60; count > 0; --count)
            bytes += letters[random() % letters.size()];
        if (random() % 2) bytes.insert(0, "3\r\nabc\r\n");
        const auto whole = read(head, bytes, bytes.size() + 1);
        REQUIRE(read(head, bytes, 1 + random() % 7) == whole);
    }
}
