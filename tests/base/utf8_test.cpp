#include "base/utf8.h"

#include <string>

#include "base/text.h"
#include "support/catch.h"

using namespace halton;

TEST_CASE("utf8: characters of one to four bytes") {
    CHECK(utf8_bytes("a") == 1);
    CHECK(utf8_bytes("\xc3\xa9t") == 2);
    CHECK(utf8_bytes("\xe2\x82\xac") == 3);
    CHECK(utf8_bytes("\xf0\x9f\x98\x80!") == 4);
    CHECK(utf8_bytes("\xef\xbf\xbf") == 3);
    CHECK(utf8_bytes("\xf4\x8f\xbf\xbf") == 4);
}

TEST_CASE("utf8: what is none") {
    for (const std::string_view text :
         {"", "\x80", "\xff", "\x9b", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\x81", "\xe0\x80\x80",
          "\xed\xa0\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
        INFO(to_safe_text(text, 8));
        CHECK(utf8_bytes(text) == 0);
    }
}

TEST_CASE("utf8: what is shown, stored and exported holds nothing else") {
    for (int first = 0x80; first < 0x100; ++first) {
        std::string safe = to_safe_text(std::string("a") + static_cast<char>(first) + "b", 64);
        CHECK(safe.front() == 'a');
        CHECK(safe.back() == 'b');
        for (std::string_view rest = safe; !rest.empty();) {
            const auto count = utf8_bytes(rest);
            REQUIRE(count > 0);
            rest.remove_prefix(count);
        }
    }
}
