#include "roles/count_text.h"

#include "support/catch.h"

using namespace halton;

TEST_CASE("counts: separators, words, short forms") {
    CHECK(roles::with_separators(0) == "0");
    CHECK(roles::with_separators(999) == "999");
    CHECK(roles::with_separators(1'000) == "1,000");
    CHECK(roles::with_separators(-123) == "-123");
    CHECK(roles::with_separators(-1'234'567) == "-1,234,567");
    CHECK(roles::counted(1, "call") == "1 call");
    CHECK(roles::counted(2'000, "call") == "2,000 calls");
    CHECK(roles::to_short_count(950) == "950");
    CHECK(roles::to_short_count(1'299) == "1.2k");
    CHECK(roles::to_short_count(34'900'000) == "34M");
    CHECK(roles::to_short_count(2'100'000'000) == "2.1G");
}
