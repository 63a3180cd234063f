#include "base/base64.h"

#include "support/catch.h"

using namespace halton;

namespace {

std::string decode(std::string_view text) {
    std::string out = ">";
    const bool is_good = append_base64_decoded(out, text);
    if (!is_good) CHECK(out == ">");
    return is_good ? out : "bad";
}

}  // namespace

TEST_CASE("base64 becomes bytes, with or without its padding") {
    CHECK(decode("") == ">");
    CHECK(decode("Zg==") == ">f");
    CHECK(decode("Zm8=") == ">fo");
    CHECK(decode("Zm9v") == ">foo");
    CHECK(decode("Zm9vYmE=") == ">fooba");
    CHECK(decode("Zm9vYmE") == ">fooba");
    CHECK(decode("Zg") == ">f");
    CHECK(decode("+/+/AAD/") == std::string(">\xfb\xff\xbf\0\0\xff", 7));
}

TEST_CASE("what is no base64 leaves nothing behind") {
    CHECK(decode("Z") == "bad");
    CHECK(decode("Zm9vZ") == "bad");
    CHECK(decode("Zm9v Zm9v") == "bad");
    CHECK(decode("Zm9-") == "bad");
    CHECK(decode("Zg===") == "bad");
    CHECK(decode("Z=9v") == "bad");
    CHECK(decode("{\"a\":1}") == "bad");
}
