#include "meter/project_registry.h"

#include "base/limits.h"
#include "support/catch.h"

using halton::meter::ProjectRegistry;

TEST_CASE("project registry: the first folder of a slug stays") {
    ProjectRegistry registry;
    CHECK(registry.find("shop").empty());
    CHECK(registry.note("shop", "/a/shop").empty());
    CHECK(registry.note("shop", "/a/shop").empty());
    CHECK(registry.note("shop", "/b/shop") == "/a/shop");
    CHECK(registry.find("shop") == "/a/shop");
    CHECK(registry.note("", "/x").empty());
    CHECK(registry.note("blog", "").empty());
    CHECK(registry.size() == 1);
}

TEST_CASE("project registry: what invents names does not fill the memory") {
    ProjectRegistry registry;
    for (int i = 0; i < 10'000; ++i) registry.note("p" + std::to_string(i), "/p");
    CHECK(registry.size() == halton::limits::project_registry_count_max);
    CHECK(registry.find("p0") == "/p");
}
