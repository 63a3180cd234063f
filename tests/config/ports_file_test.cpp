#include "config/ports_file.h"

#include "support/catch.h"

using namespace halton;
using config::EffectivePorts;
using config::parse_ports_file;

TEST_CASE("ports file: what is written is read back") {
    const EffectivePorts ports{8081, 18090, 8765, 4711, 4712};
    const auto text = config::to_ports_file(ports, UtcTime{}, "1.2.3");
    CHECK(text.find("\"written_at\": \"1970-01-01T00:00:00.000000Z\"") != std::string::npos);
    CHECK(text.find("\"version\": \"1.2.3\"") != std::string::npos);
    const auto read = parse_ports_file(text);
    REQUIRE(read);
    CHECK(*read == ports);
}

TEST_CASE("ports file: unknown ports are left out and read as 0") {
    const auto text = config::to_ports_file({8081, 0, 0, 0, 0}, UtcTime{}, "1");
    CHECK(text.find("api_port") == std::string::npos);
    const auto read = parse_ports_file(text);
    REQUIRE(read);
    CHECK(*read == EffectivePorts{8081, 0, 0, 0, 0});
}

TEST_CASE("ports file: unknown keys and blanks do not matter") {
    const auto read = parse_ports_file(
        " {\"future\" : \"a \\\" , b\", \"on\":true, \"n\":null,\n\t\"api_port\":1} \n");
    REQUIRE(read);
    CHECK(read->api_port == 1);
    REQUIRE(parse_ports_file("{}"));
}

TEST_CASE("ports file: everything else is malformed, also each cut of a good one") {
    for (const char* text :
         {"", "null", "[]", "{", "{}}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}",
          "{\"api_port\":65536}", "{\"api_port\":-1}", "{\"api_port\":1.5}", "{\"a\":{}}",
          "{\"a\":[1]}", "{\"a\":\"open}", "{\"daemon_pid\":4294967296}", "{\"a\":yes}"}) {
        INFO(text);
        CHECK_FALSE(parse_ports_file(text));
    }
    const auto good = config::to_ports_file({1, 2, 3, 4, 5}, UtcTime{}, "1.0");
    for (std::size_t size = 0; size + 2 < good.size(); ++size)
        CHECK_FALSE(parse_ports_file(std::string_view(good).substr(0, size)));
    CHECK_FALSE(parse_ports_file("{\"a\":\"" + std::string(5000, 'x') + "\"}"));
}
