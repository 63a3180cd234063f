#include "http/content_decode.h"

#include <vector>

#include <zlib.h>
#include <zstd.h>

#include "base/limits.h"
#include "support/catch.h"
#include "support/feed.h"

using namespace halton;
using http::ContentDecoder;

namespace {

enum Format { raw = -15, zlib = 15, gzip = 31 };

std::string deflated(std::string_view text, Format format) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, text.size()) + 32, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    const auto size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3);
    REQUIRE_FALSE(ZSTD_isError(size));
    out.resize(size);
    return out;
}

// A brotli stream of one uncompressed block: the format is simple enough to write by hand, and
// an encoder would be one more library. Window 16, one block, then an empty last block.
std::string brotli(std::string_view text) {
    REQUIRE(!text.empty());
    REQUIRE(text.size() <= 65536);
    const auto length = static_cast<std::uint32_t>(text.size() - 1);
    // Bits from the lowest: 0 (window 16), 0 (not last), 00 (four nibbles), length, 1 (stored).
    const std::uint32_t bits = (length << 4) | (1u << 20);
    std::string out;
    for (int i = 0; i < 3; ++i) out += static_cast<char>((bits >> (8 * i)) & 0xff);
    out += text;
    out += '\x03';
    return out;
}

std::string hex(std::string_view digits) {
    std::string out;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
    return out;
}

struct Decoded {
    std::string text;
    std::string error;
    bool is_finished = false;
    bool operator==(const Decoded&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Decoded& decoded) {
    return out << decoded.text.substr(0, 80) << " (" << decoded.text.size() << " bytes) "
               << decoded.error << (decoded.is_finished ? " finished" : " open");
}

Decoded decode(std::string_view coding, const test::Chunks& chunks) {
    ContentDecoder decoder(coding);
    Decoded decoded;
    for (const auto chunk : chunks) {
        const std::string copy(chunk);
        const auto result = decoder.feed(copy, decoded.text);
        if (!result) decoded.error = name_of(result.error().kind);
    }
    decoded.is_finished = decoder.is_finished();
    return decoded;
}

Decoded decode(std::string_view coding, std::string_view bytes) {
    return test::feed_all_ways(
        bytes, [coding](const test::Chunks& chunks) { return decode(coding, chunks); });
}

std::string sample(std::size_t size) {
    std::string text;
    for (std::uint32_t i = 0; text.size() < size; ++i)
        text += "{\"n\":" + std::to_string(i * 2654435761u) + "},";
    text.resize(size);
    return text;
}

}  // namespace

TEST_CASE("content_decode: each coding is undone") {
    for (const std::size_t size : {1u, 100u, 3000u}) {
        const std::string text = sample(size);
        CHECK(decode("gzip", deflated(text, gzip)) == Decoded{text, "", true});
        CHECK(decode("X-GZIP", deflated(text, gzip)) == Decoded{text, "", true});
        CHECK(decode("deflate", deflated(text, zlib)) == Decoded{text, "", true});
        CHECK(decode("deflate", deflated(text, raw)) == Decoded{text, "", true});
        CHECK(decode("br", brotli(text)) == Decoded{text, "", true});
        CHECK(decode("zstd", zstd(text)) == Decoded{text, "", true});
    }
}

TEST_CASE("content_decode: long bodies come out whole") {
    const std::string text = sample(300'000) + std::string(400'000, 'x');
    const std::pair<const char*, std::string> coded[] = {
        {"gzip", deflated(text, gzip)}, {"deflate", deflated(text, raw)}, {"zstd", zstd(text)}};
    for (const auto& [coding, bytes] : coded)
        for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, bytes.size()})
            CHECK(decode(coding, test::cut_every(bytes, size)) == Decoded{text, "", true});
}

TEST_CASE("content_decode: compressed brotli of a real encoder") {
    const auto bytes = hex("1b2e00f88d946ede445586966c206f614f1c60e200");
    CHECK(decode("br", bytes) ==
          Decoded{"hello hello hello hello hello hello hello hello", "", true});
}

TEST_CASE("content_decode: identity passes through") {
    for (const auto* coding : {"", "identity", "Identity", " identity , identity", ","}) {
        ContentDecoder decoder(coding);
        CHECK(decoder.is_identity());
        CHECK(decoder.is_finished());
        std::string out = "a";
        CHECK(decoder.feed("bc", out));
        CHECK(out == "abc");
    }
    CHECK_FALSE(ContentDecoder("gzip").is_identity());
    CHECK_FALSE(ContentDecoder("foo").is_identity());
}

TEST_CASE("content_decode: lists are undone from the last to the first") {
    const std::string text = sample(2000);
    CHECK(decode("gzip, br", brotli(deflated(text, gzip))) == Decoded{text, "", true});
    CHECK(decode("br,gzip", deflated(brotli(text), gzip)) == Decoded{text, "", true});
    CHECK(decode("identity, deflate, zstd, gzip", deflated(zstd(deflated(text, raw)), gzip)) ==
          Decoded{text, "", true});
    CHECK(decode("gzip, gzip, gzip, gzip", "x").error == "unsupported");
}

TEST_CASE("content_decode: unknown codings fail at the first byte") {
    for (const auto* coding : {"foo", "gzip, foo", "foo, gzip", "compress", "gzip;q=1"}) {
        ContentDecoder decoder(coding);
        std::string out;
        for (int i = 0; i < 2; ++i) {
            const auto result = decoder.feed("x", out);
            REQUIRE_FALSE(result);
            CHECK(result.error().kind == ErrorKind::unsupported);
        }
        CHECK(out.empty());
        CHECK_FALSE(decoder.is_finished());
    }
}

TEST_CASE("content_decode: members and frames may follow each other") {
    const std::string a = sample(500), b = sample(700);
    CHECK(decode("gzip", deflated(a, gzip) + deflated(b, gzip)) == Decoded{a + b, "", true});
    CHECK(decode("zstd", zstd(a) + zstd(b)) == Decoded{a + b, "", true});
    const auto half = deflated(b, gzip);
    const auto cut = decode("gzip", deflated(a, gzip) + half.substr(0, half.size() - 9));
    CHECK(cut.error.empty());
    CHECK_FALSE(cut.is_finished);
    CHECK(cut.text.substr(0, a.size()) == a);
}

TEST_CASE("content_decode: what follows the end is ignored") {
    const std::string text = sample(500), zeros(20, '\0');
    CHECK(decode("gzip", deflated(text, gzip) + zeros) == Decoded{text, "", true});
    CHECK(decode("gzip", deflated(text, gzip) + zeros + deflated(text, gzip)) ==
          Decoded{text, "", true});
    CHECK(decode("deflate", deflated(text, zlib) + "\x1f") == Decoded{text, "", true});
    CHECK(decode("br", brotli(text) + "more") == Decoded{text, "", true});
}

TEST_CASE("content_decode: a cut stream is not finished") {
    const std::string text = sample(500);
    const std::pair<const char*, std::string> coded[] = {{"gzip", deflated(text, gzip)},
                                                         {"deflate", deflated(text, zlib)},
                                                         {"deflate", deflated(text, raw)},
                                                         {"br", brotli(text)},
                                                         {"zstd", zstd(text)}};
    for (const auto& [coding, bytes] : coded) {
        for (const std::size_t size : {std::size_t{1}, bytes.size() / 2, bytes.size() - 1}) {
            const auto decoded = decode(coding, bytes.substr(0, size));
            CHECK(decoded.error.empty());
            CHECK_FALSE(decoded.is_finished);
            CHECK(text.substr(0, decoded.text.size()) == decoded.text);
        }
        CHECK_FALSE(decode(coding, "").is_finished);
    }
}

TEST_CASE("content_decode: a bad stream fails for good and keeps what came before") {
    const std::string text = sample(3000);
    auto bytes = deflated(text, gzip);
    bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);  // the checksum
    const auto decoded = decode("gzip", bytes);
    CHECK(decoded == Decoded{text, "malformed", false});

    for (const auto* coding : {"gzip", "deflate", "br", "zstd"}) {
        INFO(coding);
        const auto garbage = decode(coding, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
        CHECK(garbage.error == "malformed");
        CHECK_FALSE(garbage.is_finished);
    }
    ContentDecoder decoder("gzip");
    std::string out;
    REQUIRE_FALSE(decoder.feed("not gzip at all", out));
    REQUIRE_FALSE(decoder.feed(deflated(text, gzip), out));
    CHECK(out.empty());
}

TEST_CASE("content_decode: bombs are refused") {
    // Three nested layers: 30 MiB of zeros in some hundred bytes.
    const std::string zeros(30 * 1024 * 1024, '\0');
    const auto twice = deflated(deflated(zeros, gzip), gzip);
    REQUIRE(zeros.size() / twice.size() > limits::decoded_ratio_max);
    const auto decoded = decode("gzip, gzip", test::Chunks{twice});
    CHECK(decoded.error == "too_large");
    CHECK(decoded.text.size() < zeros.size());
    CHECK(decode("zstd", test::Chunks{zstd(zeros)}).error == "too_large");
    // The same once, at a ratio that deflate alone can reach, is fine.
    CHECK(decode("gzip", test::Chunks{deflated(zeros, gzip)}).error.empty());
    // Below the first MiB no ratio counts.
    const std::string small(1024 * 1024, '\0');
    CHECK(decode("zstd", test::Chunks{zstd(small)}) == Decoded{small, "", true});
}

TEST_CASE("content_decode: a decoder can be moved between two feeds") {
    const std::string text = sample(3000);
    const auto bytes = deflated(text, gzip);
    ContentDecoder first("gzip");
    std::string out;
    REQUIRE(first.feed(std::string_view(bytes).substr(0, 20), out));
    ContentDecoder second = std::move(first);
    REQUIRE(second.feed(std::string_view(bytes).substr(20), out));
    CHECK(out == text);
    CHECK(second.is_finished());
}
