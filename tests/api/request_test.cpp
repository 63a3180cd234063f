#include "api/request.h"

#include "base/limits.h"
#include "support/catch.h"

using namespace halton;
using api::decode_percent;
using api::parse_request;

TEST_CASE("request: percent-encoding") {
    CHECK(decode_percent("a%2Fb%3ac") == "a/b:c");
    CHECK(decode_percent("a+b") == "a+b");
    CHECK(decode_percent("a+b%2B", true) == "a b+");
    CHECK(decode_percent("%00").value() == std::string(1, '\0'));
    CHECK(decode_percent("") == "");
    for (const char* broken : {"%", "%2", "a%", "%zz", "%2g", "%%20"}) {
        INFO(broken);
        CHECK_FALSE(decode_percent(broken));
    }
}

TEST_CASE("request: path and query") {
    const auto request =
        parse_request("GET", "/v1/projects/a%2Fb/x?since=2026-01-01&q=a+b%26&&e=&e=2");
    REQUIRE(request);
    REQUIRE(request->path.size() == 4);
    CHECK(request->path[2].raw == "a%2Fb");
    CHECK(request->path[2].decoded == "a/b");
    CHECK(*request->find("since") == "2026-01-01");
    CHECK(*request->find("q") == "a b&");
    // Empty is as good as absent, and the first one counts.
    CHECK(request->find("e") == nullptr);
    CHECK(request->find("none") == nullptr);
    CHECK(parse_request("GET", "/")->path.size() == 1);
    CHECK(parse_request("GET", "//a")->path.size() == 2);
    CHECK(parse_request("GET", "/a/")->path.size() == 2);
}

TEST_CASE("request: what is none") {
    for (const char* bad :
         {"", "v1", "*", "http://localhost/health", "?a=b", "/%", "/a?b=%2", "/a?%zz=1"}) {
        INFO(bad);
        const auto request = parse_request("GET", bad);
        REQUIRE_FALSE(request);
        CHECK(request.error().kind == ErrorKind::malformed);
    }
    CHECK(parse_request("GET", "/" + std::string(limits::api_target_bytes_max, 'a')).error().kind ==
          ErrorKind::too_large);
    std::string many = "/a?";
    for (std::size_t i = 0; i <= limits::api_query_count_max; ++i) many += "a=b&";
    CHECK(parse_request("GET", many).error().kind == ErrorKind::too_large);
}

TEST_CASE("request: days and times") {
    CHECK(to_iso8601(*api::parse_day("2026-11-21")) == "2026-11-21T00:00:00.000000Z");
    CHECK(to_iso8601(*api::parse_day_or_time("2026-11-21T01:02:03Z")) ==
          "2026-11-21T01:02:03.000000Z");
    CHECK(api::to_day(*api::parse_day("2026-02-28")) == "2026-02-28");
    for (const char* bad : {"", "2026", "2026-11-2", "2026-13-01", "2026-02-30", "21.11.2026",
                            "2026-11-21T01:02:03", "2026-11-21 01:02:03Z", "today", "-1"}) {
        INFO(bad);
        CHECK_FALSE(api::parse_day_or_time(bad));
    }
}
