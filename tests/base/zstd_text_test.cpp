#include "base/zstd_text.h"

#include "support/catch.h"

using namespace halton;

TEST_CASE("zstd text: what is packed comes out again") {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "line " + std::to_string(i) + "\n";
    for (const std::string& one : {std::string(), std::string("a"), std::string(3, '\0'), text}) {
        const auto packed = pack_text(one);
        REQUIRE(packed);
        CHECK(unpack_text(*packed, one.size()) == one);
    }
    CHECK(pack_text(text)->size() < text.size() / 3);
}

TEST_CASE("zstd text: damaged, foreign and too large ones are errors") {
    const std::string packed = *pack_text(std::string(5000, 'x') + "end");
    CHECK(unpack_text(packed, 5002).error().kind == ErrorKind::too_large);
    CHECK(unpack_text("", 100).error().kind == ErrorKind::malformed);
    CHECK(unpack_text("no frame at all", 100).error().kind == ErrorKind::malformed);
    for (std::size_t size = 0; size < packed.size(); ++size)
        CHECK_FALSE(unpack_text(packed.substr(0, size), 10'000));
    std::string damaged = packed;
    damaged[packed.size() / 2] = static_cast<char>(damaged[packed.size() / 2] ^ 0x55);
    const auto out = unpack_text(damaged, 10'000);
    CHECK((!out || out->size() == 5003));
}
