#include "platform/environment.h"

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;

TEST_CASE("environment: unset and empty are the same, values are copied out") {
    const test::ScopedVariable set("HALTON_TEST_VARIABLE", "a=b");
    CHECK(platform::read_variable("HALTON_TEST_VARIABLE") == "a=b");
    const auto all = platform::read_environment();
    REQUIRE(all.count("HALTON_TEST_VARIABLE") == 1);
    CHECK(all.at("HALTON_TEST_VARIABLE") == "a=b");
    {
        const test::ScopedVariable unset("HALTON_TEST_VARIABLE", "");
        CHECK_FALSE(platform::read_variable("HALTON_TEST_VARIABLE").has_value());
        ::setenv("HALTON_TEST_VARIABLE", "", 1);
        CHECK_FALSE(platform::read_variable("HALTON_TEST_VARIABLE").has_value());
    }
    CHECK(platform::read_variable("HALTON_TEST_VARIABLE") == "a=b");
}
