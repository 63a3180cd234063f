#include "api/guard.h"

#include <algorithm>

#include "support/catch.h"

using namespace halton;
using api::Guard;

namespace {

const std::vector<std::string> listed{"http://localhost:3000", "https://app.example.com"};
const std::string token(64, 'a');
const Guard guard{listed, token};

using Headers = std::vector<std::pair<std::string, std::string>>;

http::RequestHead make_head(const std::string& method, const Headers& headers,
                            const std::string& target = "/v1/stats") {
    http::RequestHead head;
    head.method = method;
    head.target = target;
    for (const auto& [name, value] : headers) head.headers.add(name, value);
    return head;
}

int status(const http::RequestHead& head) {
    const auto passed = api::check_caller(head, guard);
    return passed.refusal ? passed.refusal->status : 200;
}

std::string header_of(const api::Answer& answer, std::string_view name) {
    for (const auto& [key, value] : answer.headers)
        if (key == name) return value;
    return "absent";
}

}  // namespace

TEST_CASE("guard: only loopback names are served, so that no web page can ask") {
    for (const char* own : {"127.0.0.1", "127.0.0.1:8765", "localhost", "localhost:8765",
                            "LocalHost:1", "[::1]", "[::1]:8765"}) {
        INFO(own);
        CHECK(status(make_head("GET", {{"Host", own}})) == 200);
    }
    for (const char* other : {"",
                              ":",
                              ":8765",
                              "example.com",
                              "example.com:8765",
                              "127.0.0.1.example.com",
                              "localhost.example.com:8765",
                              "notlocalhost",
                              "127.0.0.2",
                              "0.0.0.0",
                              "[::1",
                              "[",
                              "[::]",
                              "[::2]:80",
                              "[::1].example.com",
                              "[::1]example.com:80",
                              "::1",
                              "example.com:127.0.0.1",
                              "localhost:",
                              "localhost:x",
                              "localhost:99999",
                              "localhost.",
                              "127.0.0.1:80@example.com",
                              "localhost, example.com",
                              "2130706433",
                              "0x7f.1"}) {
        INFO(other);
        CHECK(status(make_head("GET", {{"Host", other}})) == 403);
        CHECK(status(make_head("OPTIONS", {{"Host", other}, {"Origin", listed[0]}})) == 403);
    }
    CHECK(status(make_head("GET", {})) == 403);
    CHECK(status(make_head("GET", {{"Host", "localhost"}, {"Host", "localhost"}})) == 403);
    CHECK(status(make_head("GET", {{"host", "localhost"}, {"HOST", "example.com"}})) == 403);
}

TEST_CASE("guard: who reads, by origin") {
    struct Row {
        const char* origin;
        const char* site;  // Sec-Fetch-Site; null: not a browser
        int status;
        bool has_cors;
    };
    const std::vector<Row> rows{
        {nullptr, nullptr, 200, false},
        {nullptr, "none", 200, false},
        {nullptr, "same-origin", 200, false},
        {nullptr, "same-site", 200, false},
        {nullptr, "cross-site", 403, false},
        {nullptr, "Cross-Site", 403, false},
        {"http://localhost:8765", "same-origin", 200, false},
        {"http://LOCALHOST:8765", nullptr, 200, false},
        {"http://localhost:3000", nullptr, 200, true},
        {"http://localhost:3000", "same-site", 200, true},
        {"http://localhost:3000", "cross-site", 200, true},
        {"https://app.example.com", "cross-site", 200, true},
        {"https://localhost:8765", nullptr, 200, false},
        {"http://127.0.0.1:8765", "cross-site", 403, false},
        {"http://localhost:3001", "same-site", 200, false},
        {"http://localhost:3000.example.com", "cross-site", 403, false},
        {"http://app.example.com", "cross-site", 403, false},
        {"https://evil.example", nullptr, 200, false},
        {"https://evil.example", "cross-site", 403, false},
        {"null", nullptr, 200, false},
        {"null", "cross-site", 403, false},
        {"file://", "cross-site", 403, false},
        {"", nullptr, 200, false},
    };
    for (const auto& row : rows) {
        INFO((row.origin ? row.origin : "no origin") << ' ' << (row.site ? row.site : "-"));
        Headers headers{{"Host", "localhost:8765"}};
        if (row.origin != nullptr) headers.emplace_back("Origin", row.origin);
        if (row.site != nullptr) headers.emplace_back("Sec-Fetch-Site", row.site);
        const auto head = make_head("GET", headers);
        CHECK(status(head) == row.status);
        auto passed = api::check_caller(head, guard);
        api::Answer answer{200, "{}"};
        api::add_security_headers(answer, passed.cors_origin);
        CHECK(header_of(answer, "Access-Control-Allow-Origin") ==
              (row.has_cors ? row.origin : "absent"));
        CHECK(header_of(answer, "Access-Control-Allow-Credentials") == "absent");
    }
    CHECK(status(make_head("GET", {{"Host", "localhost"},
                                   {"Origin", "http://localhost"},
                                   {"Origin", "https://evil.example"}})) == 403);
}

TEST_CASE("guard: a person may follow a link to the dashboard, and to nothing else") {
    const auto link = [](const std::string& target, const char* mode, const char* dest) {
        return status(make_head("GET",
                                {{"Host", "localhost:8765"},
                                 {"Sec-Fetch-Site", "cross-site"},
                                 {"Sec-Fetch-Mode", mode},
                                 {"Sec-Fetch-Dest", dest}},
                                target));
    };
    CHECK(link("/", "navigate", "document") == 200);
    CHECK(link("/?x", "navigate", "document") == 200);
    CHECK(link("/", "navigate", "iframe") == 403);
    CHECK(link("/", "no-cors", "document") == 403);
    CHECK(link("/v1/stats", "navigate", "document") == 403);
    CHECK(link("/metrics", "no-cors", "image") == 403);
}

TEST_CASE("guard: preflights") {
    auto head = make_head("OPTIONS", {{"Host", "127.0.0.1:8765"},
                                      {"Origin", "http://localhost:3000"},
                                      {"Sec-Fetch-Site", "cross-site"},
                                      {"Access-Control-Request-Method", "GET"}});
    auto passed = api::check_caller(head, guard);
    REQUIRE(passed.refusal);
    CHECK(passed.refusal->status == 204);
    CHECK(header_of(*passed.refusal, "Access-Control-Allow-Origin") == "http://localhost:3000");
    CHECK(header_of(*passed.refusal, "Access-Control-Allow-Methods") == "GET, HEAD");
    CHECK(header_of(*passed.refusal, "Access-Control-Allow-Headers").find("Token") ==
          std::string::npos);
    CHECK(header_of(*passed.refusal, "Access-Control-Allow-Private-Network") == "absent");
    head.headers.add("Access-Control-Request-Private-Network", "true");
    passed = api::check_caller(head, guard);
    CHECK(header_of(*passed.refusal, "Access-Control-Allow-Private-Network") == "true");

    for (const char* other : {"https://evil.example", "null", "http://localhost:3001"}) {
        const auto refused = api::check_caller(
            make_head("OPTIONS", {{"Host", "127.0.0.1:8765"},
                                  {"Origin", other},
                                  {"Access-Control-Request-Private-Network", "true"}}),
            guard);
        REQUIRE(refused.refusal);
        CHECK(refused.refusal->status == 403);
        CHECK(header_of(*refused.refusal, "Access-Control-Allow-Origin") == "absent");
        CHECK(header_of(*refused.refusal, "Access-Control-Allow-Private-Network") == "absent");
    }
}

TEST_CASE("guard: the hosted dashboard asks for the cloud part and for nothing else") {
    const std::string hosted = "https://app.haltonmeter.com";
    const auto ask = [&](const std::string& method, const std::string& target,
                         const std::string& origin) {
        const auto passed = api::check_caller(
            make_head(
                method,
                {{"Host", "localhost:8765"}, {"Origin", origin}, {"Sec-Fetch-Site", "cross-site"}},
                target),
            guard);
        return std::pair(passed.refusal ? passed.refusal->status : 200, passed.cors_origin);
    };
    CHECK(ask("GET", "/v1/cloud/state", hosted) == std::pair(200, hosted));
    CHECK(ask("POST", "/v1/cloud/connect", hosted) == std::pair(200, hosted));
    for (const char* other : {"/v1/stats", "/v1/cloud", "/v1/cloudy/state", "/", "/v1/requests.csv",
                              "/v1/../v1/cloud/state", "/api/cloud/state", "//v1/cloud/state",
                              "http://localhost/v1/cloud/state", "/v1/stats?/v1/cloud/"}) {
        INFO(other);
        CHECK(ask("GET", other, hosted).first == 403);
        CHECK(ask("POST", other, hosted).first == 403);
        CHECK(ask("OPTIONS", other, hosted).first == 403);
    }
    for (const char* other :
         {"http://app.haltonmeter.com", "https://app.haltonmeter.com.example",
          "https://app.haltonmeter.com:444", "https://haltonmeter.com", "null"}) {
        INFO(other);
        CHECK(ask("GET", "/v1/cloud/state", other).first == 403);
        CHECK(ask("POST", "/v1/cloud/connect", other).first == 403);
    }
    // Another dashboard that is listed reads.
    CHECK(ask("GET", "/v1/cloud/state", listed[0]) == std::pair(200, listed[0]));
    CHECK(ask("POST", "/v1/cloud/connect", listed[0]).first == 403);
    // Nothing that needs the token is its business.
    const auto head = make_head(
        "POST", {{"Host", "localhost:8765"}, {"Origin", hosted}, {"X-Halton-Token", token}},
        "/v1/cloud/connect");
    CHECK(api::check_token(head, guard, false)->status == 403);

    auto preflight = make_head("OPTIONS",
                               {{"Host", "127.0.0.1:8765"},
                                {"Origin", hosted},
                                {"Access-Control-Request-Method", "POST"},
                                {"Access-Control-Request-Private-Network", "true"}},
                               "/v1/cloud/connect");
    const auto passed = api::check_caller(preflight, guard);
    REQUIRE(passed.refusal);
    CHECK(passed.refusal->status == 204);
    CHECK(header_of(*passed.refusal, "Access-Control-Allow-Origin") == hosted);
    CHECK(header_of(*passed.refusal, "Access-Control-Allow-Methods") == "GET, HEAD, POST");
    CHECK(header_of(*passed.refusal, "Access-Control-Allow-Private-Network") == "true");
}

TEST_CASE("guard: what changes something comes from our own page or from no page, with the token") {
    const auto write = [](const Headers& more, bool takes_body = true) {
        Headers headers{{"Host", "localhost:8765"}};
        headers.insert(headers.end(), more.begin(), more.end());
        const auto head = make_head("PATCH", headers);
        if (const int refused = status(head); refused != 200) return refused;
        const auto refusal = api::check_token(head, guard, takes_body);
        return refusal ? refusal->status : 200;
    };
    const std::pair<std::string, std::string> json{"Content-Type", "application/json"};
    const std::pair<std::string, std::string> key{"X-Halton-Token", token};
    CHECK(write({json, key}) == 200);
    CHECK(write({{"Content-Type", "Application/JSON; charset=utf-8"}, key}) == 200);
    CHECK(write({key}, false) == 200);
    CHECK(
        write(
            {json, key, {"Origin", "http://localhost:8765"}, {"Sec-Fetch-Site", "same-origin"}}) ==
        200);

    CHECK(write({json}) == 401);
    CHECK(write({json, {"X-Halton-Token", ""}}) == 401);
    CHECK(write({json, {"X-Halton-Token", token + "a"}}) == 401);
    CHECK(write({json, {"X-Halton-Token", token.substr(1)}}) == 401);
    CHECK(write({json, {"X-Halton-Token", std::string(64, 'b')}}) == 401);
    CHECK(write({json, key, key}) == 401);
    CHECK(write({{"Content-Type", "text/plain"}, key}) == 415);
    CHECK(write({key}) == 415);
    // Also a listed page reads only, and so does another port of ours.
    for (const char* origin : {"http://localhost:3000", "https://evil.example", "null",
                               "http://localhost:8766", "http://127.0.0.1:8765"})
        CHECK(write({json, key, {"Origin", origin}}) == 403);
    CHECK(write({json, key, {"Sec-Fetch-Site", "cross-site"}}) == 403);
    CHECK(write({json, key, {"Sec-Fetch-Site", "same-site"}}) == 403);

    // Without a token of ours nobody has the right one, not even an empty one.
    const Guard none{listed, {}};
    const auto head = make_head("PATCH", {{"Host", "localhost"}, {"X-Halton-Token", ""}});
    CHECK(api::check_token(head, none, false)->status == 401);
}

TEST_CASE("guard: a route that reads secrets wants the token from our own page as well") {
    const auto head = make_head("GET", {{"Host", "localhost:8765"},
                                        {"Origin", "http://localhost:3000"},
                                        {"X-Halton-Token", token}});
    CHECK(status(head) == 200);
    CHECK(api::check_token(head, guard, false)->status == 403);
}

TEST_CASE("guard: equal texts") {
    CHECK(api::is_equal_in_constant_time("abc", "abc"));
    CHECK(api::is_equal_in_constant_time("", ""));
    for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{
             {"abc", "abd"}, {"abc", "ab"}, {"ab", "abc"}, {"", "a"}, {"a", ""}, {"xbc", "abc"}})
        CHECK_FALSE(api::is_equal_in_constant_time(a, b));
}

TEST_CASE("guard: every answer tells browsers what not to do with it") {
    api::Answer answer{200, "{}"};
    api::add_security_headers(answer, {});
    CHECK(header_of(answer, "X-Content-Type-Options") == "nosniff");
    CHECK(header_of(answer, "Content-Security-Policy") ==
          "default-src 'none'; frame-ancestors 'none'");
    CHECK(header_of(answer, "Cross-Origin-Resource-Policy") == "same-origin");
    CHECK(header_of(answer, "Referrer-Policy") == "no-referrer");
    CHECK(header_of(answer, "Cache-Control") == "no-store");
    CHECK(header_of(answer, "Vary") == "Origin");
    // A page says for itself what it may load.
    api::Answer page{200, "", "text/html"};
    page.headers.emplace_back("Content-Security-Policy", "default-src 'self'");
    api::add_security_headers(page, {});
    CHECK(std::count_if(page.headers.begin(), page.headers.end(), [](const auto& header) {
              return header.first == "Content-Security-Policy";
          }) == 1);
}
