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

TEST_CASE("ports: every port that may be ours is known, each once") {
    const test::TempDirectory directory;
    const test::ScopedVariable own("HALTON_METER_HOME", directory.path().string());
    using Ports = std::vector<std::uint16_t>;
    CHECK(roles::find_edge_ports() == Ports{8081});
    CHECK(roles::find_edge_port() == 8081);
    test::write_text(directory / "config.toml", "[daemon]\nedge_port = 18081\n");
    CHECK(roles::find_edge_ports() == Ports{8081, 18081});
    CHECK(roles::find_edge_port() == 18081);
    REQUIRE(platform::merge_ports(platform::Home{directory.path()}, {.edge_port = 28081}));
    CHECK(roles::find_edge_ports() == Ports{8081, 18081, 28081});
    CHECK(roles::find_edge_port() == 28081);
    test::write_text(directory / "config.toml", "not toml [");
    CHECK(roles::find_edge_ports() == Ports{8081, 28081});
}
