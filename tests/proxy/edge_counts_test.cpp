#include "proxy/edge_counts.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using proxy::EdgeCounts;
using proxy::EdgePass;

namespace {

const UtcTime nine{std::chrono::hours(24 * 20'000 + 9)};
const UtcTime ten{std::chrono::hours(24 * 20'000 + 10)};

http::RequestHead request(std::string method, std::string target, const char* host) {
    http::RequestHead head{std::move(method), std::move(target), 1, {}};
    if (host) head.headers.add("Host", host);
    return head;
}

}  // namespace

TEST_CASE("edge counts: everything is told as JSON") {
    EdgeCounts counts;
    counts.note_health(true, nine);
    counts.note_chained();
    counts.note_chained();
    counts.note_passed(EdgePass::daemon_down);
    for (int i = 0; i < 3; ++i) counts.note_passed(EdgePass::declined);
    counts.note_passed(EdgePass::plain_http);
    JsonParser parser;
    const auto json = parser.parse(counts.to_json({"1.2.3", 77, 8081, 8090}));
    REQUIRE(json);
    CHECK((*json)["role"].as_string() == "edge");
    CHECK((*json)["version"].as_string() == "1.2.3");
    CHECK((*json)["pid"].as_integer() == 77);
    CHECK((*json)["port"].as_integer() == 8081);
    CHECK((*json)["internal_port"].as_integer() == 8090);
    CHECK((*json)["mode"].as_string() == "chain");
    CHECK((*json)["daemon_down_since"].is_null());
    CHECK((*json)["chained"].as_integer() == 2);
    const auto passed = (*json)["passthrough"];
    CHECK(passed["daemon-down"].as_integer() == 1);
    CHECK(passed["chain-failed"].as_integer() == 0);
    CHECK(passed["declined"].as_integer() == 3);
    CHECK(passed["loopback"].as_integer() == 0);
    CHECK(passed["plain-http"].as_integer() == 1);
}

TEST_CASE("edge counts: down since the first bad answer, not the last") {
    EdgeCounts counts;
    const auto since = [&] {
        JsonParser parser;
        const auto json = parser.parse(counts.to_json({"1", 1, 1, 1}));
        REQUIRE(json);
        return std::string((*json)["daemon_down_since"].as_string().value_or("up"));
    };
    counts.note_health(false, nine);
    counts.note_health(false, ten);
    CHECK(since() == to_iso8601(nine));
    counts.note_health(true, ten);
    CHECK(since() == "up");
    counts.note_health(false, ten);
    CHECK(since() == to_iso8601(ten));
}

TEST_CASE("edge counts: only a loopback name asks the edge") {
    for (const char* host :
         {"127.0.0.1", "127.0.0.1:8081", "localhost:8081", "LOCALHOST", "[::1]:8081"}) {
        INFO(host);
        CHECK(proxy::is_health_question(request("GET", "/health", host)));
    }
    CHECK(proxy::is_health_question(request("GET", "/health?x=1", "localhost")));
    for (const char* host : {"evil.example", "127.0.0.1.evil.example:80", "", "127.0.0.2"}) {
        INFO(host);
        CHECK_FALSE(proxy::is_health_question(request("GET", "/health", host)));
    }
    CHECK_FALSE(proxy::is_health_question(request("GET", "/health", nullptr)));
    CHECK_FALSE(proxy::is_health_question(request("POST", "/health", "localhost")));
    CHECK_FALSE(proxy::is_health_question(request("GET", "/healthy", "localhost")));
    CHECK_FALSE(proxy::is_health_question(request("GET", "http://x/health", "localhost")));
}

TEST_CASE("edge counts: the response says how long it is") {
    CHECK(proxy::make_health_response("{}").ends_with("Connection: close\r\n\r\n{}"));
    CHECK(proxy::make_health_response("{}").find("Content-Length: 2\r\n") != std::string::npos);
}
