#include "meter/usage_text.h"

#include "base/limits.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

TEST_CASE("calls inside a call survive their text") {
    std::vector<SubCall> calls(3);
    calls[0].model = "claude-\"x\"";
    calls[0].usage = {1,  2,    3,     4,    5,  6,  7,  8,  9,  10, 11,  12,
                      13, true, false, true, 14, 15, 16, 17, 18, 19, true};
    calls[2].usage.output = limits::token_count_max;
    const auto back = parse_usage_text(to_usage_text(calls));
    REQUIRE(back);
    CHECK(*back == calls);
    CHECK(to_usage_text({SubCall{"m", {}}}) == R"([{"model":"m"}])");
    CHECK(to_usage_text({}).empty());
    CHECK(parse_usage_text("")->empty());
}

TEST_CASE("a text that is none of ours is refused") {
    for (const char* text :
         {"x", "{}", "7", "[7]", R"([{"input":-1}])", R"([{"input":1000000000001}])"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_usage_text(text));
    }
    CHECK_FALSE(parse_usage_text(to_usage_text(std::vector<SubCall>(limits::sub_calls_max + 1))));
}
