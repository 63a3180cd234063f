#include "api/handlers.h"

#include "api/api_world.h"

using namespace halton;
using namespace halton::test;
using api::DaemonFacts;

TEST_CASE("daemon routes: health tells state, version, uptime and ports") {
    ApiWorld world;
    world.facts.uptime = std::chrono::seconds(61);
    world.facts.root_fingerprint = "ab12";
    world.facts.ports = {.edge_port = 8081, .internal_port = 8090, .api_port = 8765};
    const auto [state, word, status] = GENERATE(table<DaemonFacts::State, std::string, int>(
        {{DaemonFacts::State::starting, "starting", 503},
         {DaemonFacts::State::ok, "ok", 200},
         {DaemonFacts::State::draining, "draining", 503}}));
    world.facts.state = state;
    const auto answer = world.ask("GET", "/health");
    CHECK(answer.status == status);
    JsonParser parser;
    const auto json = parser.parse(answer.body);
    REQUIRE(json);
    CHECK(text_at((*json)["status"]) == word);
    CHECK(text_at((*json)["version"]) == "1.2.3");
    CHECK((*json)["uptime_s"].as_integer() == 61);
    CHECK(text_at((*json)["root"]) == "ab12");
    CHECK((*json)["ports"]["edge"].as_integer() == 8081);
    CHECK((*json)["ports"]["internal"].as_integer() == 8090);
    CHECK((*json)["ports"]["api"].as_integer() == 8765);
}

TEST_CASE("daemon routes: status of a daemon that has seen nothing") {
    ApiWorld world;
    const auto json = world.get("/v1/daemon/status");
    CHECK(json["last_seen_at"].is_null());
    CHECK(json["store_last_error"].is_null());
    CHECK(text_at(json["state"]) == "ok");
    CHECK(json["rows_written"].as_integer() == 0);
    CHECK(json["running_calls"].as_integer() == 0);
    CHECK(json["passthrough"].is_object());
    CHECK(json["refusing_clients"].is_array());
    CHECK(json["unseen"]["connections"].as_integer() == 0);
    CHECK(text_at(json["policies"]["state"]) == "ok");
    CHECK(json["policies"]["last_error"].is_null());
}

TEST_CASE("daemon routes: status with counters, and names that are out to break it") {
    const std::string hostile = "a\"b\\c\nd\te\x01\x1f</script>\x7f \xc3\xa9";
    const std::string broken = "caf\xe9 \xff\xc3";  // no UTF-8
    ApiWorld world;
    auto& facts = world.facts;
    facts.ledger.rows_written = 12;
    facts.ledger.rows_dropped_queue_full = 3;
    facts.ledger.rows_dropped_error = 4;
    facts.ledger.rows_waiting = 5;
    facts.ledger.last_row_at_us = 1'795'222'923'000'001;
    facts.ledger.last_error = hostile;
    facts.request_count_last_hour = 7;
    facts.running_calls = 2;
    facts.unseen_connections = 8;
    facts.unseen_requests = 6;
    facts.passthrough = {{"not-metered", 9}, {hostile, 1}, {"sni-differs", 2}};
    facts.refusals = {{hostile, "api.example.com", 2, UtcTime(std::chrono::seconds(1'795'222'923))},
                      {broken, "other.example", 18'446'744'073'709'551'615u, UtcTime()}};
    facts.policies.state = "unreadable";
    facts.policies.last_error = hostile;
    facts.policies.blocked = 5;
    facts.body_memory_bytes = 77;
    facts.ledger.bodies_written = 6;

    const auto json = world.get("/v1/daemon/status");
    CHECK(text_at(json["last_seen_at"]) == "2026-11-21T01:02:03.000001Z");
    CHECK(json["rows_written"].as_integer() == 12);
    CHECK(json["rows_dropped_queue_full"].as_integer() == 3);
    CHECK(json["rows_dropped_error"].as_integer() == 4);
    CHECK(json["rows_waiting"].as_integer() == 5);
    CHECK(json["request_count_last_hour"].as_integer() == 7);
    CHECK(json["running_calls"].as_integer() == 2);
    CHECK(text_at(json["store_last_error"]) == hostile);
    CHECK(json["passthrough"]["not-metered"].as_integer() == 9);
    CHECK(json["unseen"]["connections"].as_integer() == 8);
    CHECK(json["unseen"]["requests"].as_integer() == 6);
    CHECK(json["passthrough"]["sni-differs"].as_integer() == 2);
    CHECK(json["passthrough"][hostile].as_integer() == 1);
    CHECK(text_at(json["policies"]["last_error"]) == hostile);
    CHECK(json["policies"]["blocked"].as_integer() == 5);
    CHECK(json["bodies"]["memory_bytes"].as_integer() == 77);
    CHECK(json["bodies"]["written"].as_integer() == 6);
    const auto programs = texts_of(json["refusing_clients"], "program");
    REQUIRE(programs.size() == 2);
    CHECK(programs[0] == hostile);
    CHECK(programs[1].starts_with("caf\xef\xbf\xbd"));
}

TEST_CASE("daemon routes: there is no cloud, and it says so") {
    ApiWorld world;
    const auto json = world.get("/v1/cloud/state");
    CHECK(json["enabled"].as_bool() == false);
    CHECK(text_at(json["state"]) == "NOT-CONFIGURED");
    for (const char* name : {"workspace_id", "machine_id", "last_sync_at", "unsynced_rows",
                             "paused_reason", "last_error"})
        CHECK(json[name].is_null());
    const auto answer = world.ask("POST", "/v1/cloud/connect");
    CHECK(answer.status == 501);
    CHECK(answer.body.find("no cloud part") != std::string::npos);
}

TEST_CASE("daemon routes: metrics and the description are handed on") {
    ApiWorld world;
    const auto metrics = world.ask("GET", "/metrics");
    CHECK(metrics.body == "# metrics\n");
    CHECK(metrics.content_type == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(text_at(world.get("/v1/openapi.json")["openapi"]) == "3.1.0");
}
