#include "api/routes.h"

#include <random>
#include <set>

#include "base/json.h"
#include "base/limits.h"
#include "support/catch.h"

using namespace halton;

namespace {

struct Found {
    std::string path;  // of the route; empty: none
    std::string name;
    std::string allowed;
};

Found find(const std::string& method, const std::string& target) {
    auto request = api::parse_request(method, target);
    if (!request) return {};
    api::resolve_alias(*request);
    Found found;
    const auto* route = api::find_route(*request, found.allowed);
    found.path = route ? std::string(route->path) : std::string();
    found.name = request->name;
    return found;
}

}  // namespace

TEST_CASE("routes: paths and methods") {
    CHECK(find("GET", "/health").path == "/health");
    CHECK(find("GET", "/health?verbose=1").path == "/health");
    CHECK(find("HEAD", "/health").path == "/health");
    CHECK(find("GET", "/v1/requests/abc-1").path == "/v1/requests/{id}");
    CHECK(find("GET", "/v1/requests/abc-1").name == "abc-1");
    CHECK(find("DELETE", "/v1/policies/7").path == "/v1/policies/{id}");

    CHECK(find("POST", "/health").allowed == "GET, HEAD");
    CHECK(find("get", "/health").allowed == "GET, HEAD");
    CHECK(find("PUT", "/v1/policies").allowed == "GET, HEAD, POST");
    CHECK(find("DELETE", "/v1/projects/a").allowed == "GET, HEAD, PATCH");
    CHECK(find("DELETE", "/v1/projects/a/stats").allowed == "GET, HEAD");
    for (const char* target :
         {"/", "//", "/health/", "/Health", "/v1", "/v1/", "/v1/daemon", "/v1/daemon/status/x",
          "/v1/requests/", "/v1/requests/a/b", "/v1//stats", "/v2/stats", "/v1/%73tats",
          "/v1/projects/", "/api", "/api/", "/apis/projects", "/v1/stats%00"}) {
        INFO(target);
        const auto found = find("GET", target);
        CHECK(found.path.empty());
        CHECK(found.allowed.empty());
    }
}

TEST_CASE("routes: a slug may hold slashes and colons, encoded or not") {
    for (const char* slug : {"/v1/projects/acme/api:v2", "/v1/projects/acme%2Fapi:v2",
                             "/v1/projects/acme%2fapi%3av2", "/v1/projects/acme/api%3Av2"}) {
        INFO(slug);
        for (const char* more : {"", "/stats", "/requests", "/requests.csv"}) {
            const auto found = find("GET", std::string(slug) + more + "?limit=2");
            CHECK(found.path == "/v1/projects/{slug}" + std::string(more));
            CHECK(found.name == "acme/api:v2");
        }
    }
    // What ends like a route is a route, unless it is encoded.
    CHECK(find("GET", "/v1/projects/a/stats").name == "a");
    CHECK(find("GET", "/v1/projects/a%2Fstats").name == "a/stats");
    CHECK(find("GET", "/v1/projects/stats").name == "stats");
    CHECK(find("GET", "/v1/projects/stats/stats").name == "stats");
}

TEST_CASE("routes: the older paths") {
    CHECK(find("GET", "/api/projects").path == "/v1/projects");
    CHECK(find("GET", "/api/projects/a/b/requests.csv").path == "/v1/projects/{slug}/requests.csv");
    CHECK(find("GET", "/api/calls?limit=1").path == "/v1/requests");
    CHECK(find("GET", "/api/pricing").path == "/v1/prices");
    CHECK(find("GET", "/v1/pricing-rates").path == "/v1/pricing-rates");
    CHECK(find("GET", "/api/health").path.empty());
}

TEST_CASE("routes: what of a query is wrong is named") {
    const auto check = [](const std::string& target) {
        auto request = api::parse_request("GET", target);
        REQUIRE(request);
        std::string allowed;
        const auto* route = api::find_route(*request, allowed);
        REQUIRE(route != nullptr);
        return api::check_query(*route, *request);
    };
    for (const char* good :
         {"/v1/stats", "/v1/stats?since=2026-01-01", "/v1/stats?since=", "/v1/stats?what=ever",
          "/v1/stats?since=2026-01-01T00:00:00Z&zone=local", "/v1/requests?limit=1",
          "/v1/requests?limit=200", "/v1/requests?status=error", "/v1/prices?used=1",
          "/v1/requests?limit=007"}) {
        INFO(good);
        CHECK_FALSE(check(good));
    }
    for (const char* bad :
         {"/v1/stats?since=yesterday", "/v1/stats?since=2026-1-1", "/v1/stats?until=2026-02-30",
          "/v1/stats?zone=mars", "/v1/requests?limit=0", "/v1/requests?limit=201",
          "/v1/requests?limit=-1", "/v1/requests?limit=1e2", "/v1/requests?limit=abc",
          "/v1/requests?limit=99999999999999999999999", "/v1/requests?status=fine",
          "/v1/prices?used=yes", "/v1/stats?since=2026-01-01%00",
          "/v1/stats?since='%20OR%201=1--"}) {
        INFO(bad);
        const auto answer = check(bad);
        REQUIRE(answer);
        CHECK(answer->status == 422);
        JsonParser parser;
        const auto json = parser.parse(answer->body);
        REQUIRE(json);
        REQUIRE((*json)["detail"].is_array());
        int count = 0;
        (*json)["detail"].for_each_element([&](JsonView problem) {
            ++count;
            CHECK(problem["loc"].is_array());
            CHECK(problem["msg"].is_string());
            CHECK(problem["type"].as_string() == "value_error");
        });
        CHECK(count == 1);
    }
    const auto two = check("/v1/stats?since=a&until=b");
    REQUIRE(two);
    CHECK(two->body.find("since") != std::string::npos);
    CHECK(two->body.find("until") != std::string::npos);
}

TEST_CASE("routes: what writes or tells prompts needs the token") {
    std::set<std::string> seen;
    for (const auto& route : api::routes()) {
        INFO(route.method << ' ' << route.path);
        CHECK(seen.insert(std::string(route.method) + std::string(route.path)).second);
        // But one that only says that it is not there.
        const bool is_refusal = route.gives == "Problem";
        CHECK((route.method == "GET" || route.needs_token || is_refusal));
        CHECK((route.method == "GET" || is_refusal) == (route.runs != api::Runs::writer));
        if (is_refusal) CHECK((route.runs == api::Runs::io && route.takes.empty()));
        CHECK((route.answer == nullptr) == (route.runs == api::Runs::live));
        // A page that is cut off must not take long to say so.
        for (const auto& parameter : route.query)
            if (parameter.type == "int") CHECK(parameter.max > parameter.min);
    }
    // Nothing that the health of the daemon hangs on.
    for (const auto& route : api::routes())
        if (route.path == "/health") CHECK(route.runs == api::Runs::io);
}

TEST_CASE("routes: whatever comes as an address has an answer") {
    std::mt19937_64 dice(11);
    const std::vector<std::string> pieces{
        "/",      "v1",    "api",        "projects", "%2F", "%", "%zz",   "?",
        "since=", "&",     "=",          "stats",    "..",  "+", "%00",   "requests",
        "#",      "limit", "2026-01-01", "\xff",     "\0",  "[", "health"};
    for (int round = 0; round < 20'000; ++round) {
        std::string target = dice() % 4 == 0 ? "" : "/";
        for (auto count = dice() % 9; count > 0; --count) target += pieces[dice() % pieces.size()];
        auto request = api::parse_request(dice() % 2 == 0 ? "GET" : "PATCH", target);
        if (!request) continue;
        api::resolve_alias(*request);
        std::string allowed;
        const auto* route = api::find_route(*request, allowed);
        if (route == nullptr) continue;
        CHECK(allowed.find(route->method) == std::string::npos);
        if (route->path.find('{') != std::string_view::npos) CHECK_FALSE(request->name.empty());
        if (const auto wrong = api::check_query(*route, *request)) CHECK(wrong->status == 422);
    }
}

TEST_CASE("routes: errors of the store as answers") {
    CHECK(api::make_problem(Error{ErrorKind::timeout, Leg::local, "x"}).status == 503);
    CHECK(api::make_problem(Error{ErrorKind::cancelled, Leg::local, "x"}).status == 503);
    CHECK(api::make_problem(Error{ErrorKind::busy, Leg::local, "x"}).status == 503);
    CHECK(api::make_problem(Error{ErrorKind::io, Leg::local, "x"}).status == 503);
    CHECK(api::make_problem(Error{ErrorKind::permission, Leg::local, "taken"}).status == 409);
    CHECK(api::make_problem(Error{ErrorKind::not_found, Leg::local, "no such policy"}).status ==
          404);
    CHECK(api::make_problem(Error{ErrorKind::too_large, Leg::local, "x"}).status == 422);
    const auto absent = api::make_read_problem(Error{ErrorKind::not_found, Leg::local, "/home/x"});
    CHECK(absent.status == 503);
    CHECK(absent.body.find("/home/x") == std::string::npos);
    const auto problem = api::make_problem(404, "say \"what\"\n");
    JsonParser parser;
    const auto json = parser.parse(problem.body);
    REQUIRE(json);
    CHECK((*json)["detail"].as_string() == "say \"what\"\n");
}
