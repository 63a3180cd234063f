#include "roles/installation.h"

#include "support/catch.h"

using namespace halton;

TEST_CASE("installation: a plan is printed a line a step, with its layer") {
    const auto* layer = setup::find_layer("bundle");
    REQUIRE(layer);
    CHECK(roles::to_text({{layer, setup::MakeBundle{}}, {layer, setup::RemoveFile{"/x"}}}) ==
          "  [CA bundle] bring ca-bundle.pem up to date: the system's roots, yours and ours\n"
          "  [CA bundle] remove /x\n");
    CHECK(roles::to_text({}).empty());
}
