#include "platform/proc_text.h"

#include "support/catch.h"

using halton::platform::field_of;

TEST_CASE("proc text: fields between runs of blanks") {
    constexpr std::string_view line = "  1: 0100007F:1F91   00000000:0000 0A";
    CHECK(field_of(line, 0) == "1:");
    CHECK(field_of(line, 1) == "0100007F:1F91");
    CHECK(field_of(line, 2) == "00000000:0000");
    CHECK(field_of(line, 3) == "0A");
    CHECK(field_of(line, 4).empty());
    CHECK(field_of("", 0).empty());
    CHECK(field_of("   ", 0).empty());
}
