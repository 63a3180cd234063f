// The whole way is walked by tests/e2e/life_cycle.py; here: nobody is there.
#include "platform/self_test.h"

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;

TEST_CASE("self-test: says what does not answer, and stops there") {
    const test::TempDirectory directory;
    const auto results =
        platform::run_self_test({directory.path()}, {.edge_port = 1, .api_port = 1}, {});
    REQUIRE(results.size() == 2);
    for (const auto& result : results) {
        CHECK_FALSE(result.is_good);
        CHECK_FALSE(result.what.empty());
        CHECK_FALSE(result.detail.empty());
    }
    CHECK_FALSE(platform::is_good(results));
    CHECK(platform::is_good({{"x", true, ""}}));
}
