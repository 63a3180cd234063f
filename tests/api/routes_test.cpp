#include "api/routes.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using namespace std::string_literals;
using api::DaemonFacts;

namespace {

DaemonFacts make_facts() {
    DaemonFacts facts;
    facts.state = DaemonFacts::State::ok;
    facts.version = "1.2.3";
    facts.uptime = std::chrono::seconds(61);
    facts.ports = {.edge_port = 8081, .internal_port = 8090, .api_port = 8765};
    facts.ledger.state = "ok";
    return facts;
}

std::string text_at(JsonView value) { return std::string(value.as_string().value_or("absent")); }

}  // namespace

TEST_CASE("routes: only loopback names are served, so that no web page can ask") {
    const auto facts = make_facts();
    const auto status = [&](std::string_view host) {
        return api::answer("GET", "/health", host, facts).status;
    };
    for (const char* own : {"127.0.0.1", "127.0.0.1:8765", "localhost", "localhost:8765",
                            "LocalHost:1", "[::1]", "[::1]:8765"}) {
        INFO(own);
        CHECK(status(own) == 200);
    }
    for (const char* other :
         {"", ":", ":8765", "example.com", "example.com:8765", "127.0.0.1.example.com",
          "localhost.example.com:8765", "notlocalhost", "127.0.0.2", "0.0.0.0", "[::1", "[",
          "[::]", "[::2]:80", "[::1].example.com", "[::1]example.com:80", "::1",
          "example.com:127.0.0.1"}) {
        INFO(other);
        CHECK(status(other) == 403);
    }
}

TEST_CASE("routes: health tells state, version, uptime and ports") {
    auto facts = make_facts();
    const auto [state, word, status] = GENERATE(table<DaemonFacts::State, std::string, int>(
        {{DaemonFacts::State::starting, "starting", 503},
         {DaemonFacts::State::ok, "ok", 200},
         {DaemonFacts::State::draining, "draining", 503}}));
    facts.state = state;
    const auto answer = api::answer("GET", "/health", "localhost", facts);
    CHECK(answer.status == status);
    JsonParser parser;
    const auto json = parser.parse(answer.body);
    REQUIRE(json);
    CHECK(text_at((*json)["status"]) == word);
    CHECK(text_at((*json)["version"]) == "1.2.3");
    CHECK((*json)["uptime_s"].as_integer() == 61);
    CHECK((*json)["ports"]["edge"].as_integer() == 8081);
    CHECK((*json)["ports"]["internal"].as_integer() == 8090);
    CHECK((*json)["ports"]["api"].as_integer() == 8765);
}

TEST_CASE("routes: paths and methods") {
    const auto facts = make_facts();
    const auto status = [&](std::string_view method, std::string_view target) {
        const auto answer = api::answer(method, target, "localhost", facts);
        JsonParser parser;
        const auto json = parser.parse(answer.body);
        CHECK(json);
        if (answer.status >= 400 && json) CHECK((*json)["detail"].is_string());
        return answer.status;
    };
    CHECK(status("GET", "/health?verbose=1") == 200);
    CHECK(status("HEAD", "/health") == 200);
    CHECK(status("GET", "/v1/daemon/status") == 200);
    CHECK(status("POST", "/health") == 405);
    CHECK(status("get", "/health") == 405);
    CHECK(status("DELETE", "/v1/daemon/status") == 405);
    for (const char* target : {"/", "", "/health/", "/Health", "/v1/daemon", "health",
                               "http://localhost/health", "/v1/daemon/status/x"}) {
        INFO(target);
        CHECK(status("GET", target) == 404);
    }
}

TEST_CASE("routes: status of a daemon that has seen nothing") {
    const auto answer = api::answer("GET", "/v1/daemon/status", "localhost", make_facts());
    JsonParser parser;
    const auto json = parser.parse(answer.body);
    REQUIRE(json);
    CHECK((*json)["last_seen_at"].is_null());
    CHECK((*json)["store_last_error"].is_null());
    CHECK(text_at((*json)["state"]) == "ok");
    CHECK((*json)["rows_written"].as_integer() == 0);
    CHECK((*json)["passthrough"].is_object());
    CHECK((*json)["refusing_clients"].is_array());
    CHECK((*json)["unseen"]["connections"].as_integer() == 0);
}

TEST_CASE("routes: status with counters, and names that are out to break it") {
    const std::string hostile = "a\"b\\c\nd\te\x01\x1f</script>\x7f \xc3\xa9";
    const std::string broken = "caf\xe9 \xff\xc3";  // no UTF-8
    auto facts = make_facts();
    facts.ledger.rows_written = 12;
    facts.ledger.rows_dropped_queue_full = 3;
    facts.ledger.rows_dropped_error = 4;
    facts.ledger.rows_waiting = 5;
    facts.ledger.last_row_at_us = 1'795'222'923'000'001;
    facts.ledger.last_error = hostile;
    facts.request_count_last_hour = 7;
    facts.unseen_connections = 8;
    facts.unseen_requests = 6;
    facts.passthrough = {{"not-metered", 9}, {hostile, 1}, {"sni-differs", 2}};
    facts.refusals = {{hostile, "api.example.com", 2, UtcTime(std::chrono::seconds(1'795'222'923))},
                      {broken, "other.example", 18'446'744'073'709'551'615u, UtcTime()}};

    const auto answer = api::answer("GET", "/v1/daemon/status", "localhost", facts);
    CHECK(answer.status == 200);
    JsonParser parser;
    const auto json = parser.parse(answer.body);
    REQUIRE(json);
    CHECK(text_at((*json)["last_seen_at"]) == "2026-11-21T01:02:03.000001Z");
    CHECK((*json)["rows_written"].as_integer() == 12);
    CHECK((*json)["rows_dropped_queue_full"].as_integer() == 3);
    CHECK((*json)["rows_dropped_error"].as_integer() == 4);
    CHECK((*json)["rows_waiting"].as_integer() == 5);
    CHECK((*json)["request_count_last_hour"].as_integer() == 7);
    CHECK(text_at((*json)["store_last_error"]) == hostile);
    CHECK((*json)["passthrough"]["not-metered"].as_integer() == 9);
    CHECK((*json)["unseen"]["connections"].as_integer() == 8);
    CHECK((*json)["unseen"]["requests"].as_integer() == 6);
    CHECK((*json)["passthrough"]["sni-differs"].as_integer() == 2);
    CHECK((*json)["passthrough"][hostile].as_integer() == 1);

    std::vector<std::string> programs;
    (*json)["refusing_clients"].for_each_element(
        [&](JsonView entry) { programs.push_back(text_at(entry["program"])); });
    REQUIRE(programs.size() == 2);
    CHECK(programs[0] == hostile);
    CHECK(programs[1].starts_with("caf\xef\xbf\xbd"));
}
