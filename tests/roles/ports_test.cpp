#include "roles/ports.h"

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;

TEST_CASE("ports: the configured ones hold where the file says nothing") {
    const test::TempDirectory directory;
    const platform::Home home{directory.path()};
    config::Config config;
    config.edge_port = 18081;

    auto ports = roles::find_ports(home, config);
    CHECK(ports.edge_port == 18081);
    CHECK(ports.internal_port == 8090);
    CHECK(ports.api_port == 8765);

    REQUIRE(platform::merge_ports(home, {.internal_port = 41000}));
    ports = roles::find_ports(home, config);
    CHECK(ports.edge_port == 18081);
    CHECK(ports.internal_port == 41000);
    CHECK(ports.api_port == 8765);
}
