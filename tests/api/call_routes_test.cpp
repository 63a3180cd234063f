#include "api/handlers.h"

#include <set>

#include "api/api_world.h"
#include "store/body_writer.h"
#include "store/captures.h"

using namespace halton;
using namespace halton::test;

namespace {

meter::CallRecord make_failed(ApiWorld& world, std::uint64_t number, const char* at,
                              meter::ErrorClass error_class, int status) {
    auto call = world.call(number, at);
    call.status = "error";
    call.http_status = status;
    call.error =
        meter::CallError{error_class, "code", error_class == meter::ErrorClass::rate_limit, {}};
    return call;
}

}  // namespace

TEST_CASE("call routes: pages walk through all calls, newest first") {
    ApiWorld world;
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 1; i <= 25; ++i) {
        auto call = make_call(i);
        // Several in the same microsecond: their ids decide.
        call.requested_at = UtcTime(std::chrono::seconds(1'795'000'000 + i / 5));
        calls.push_back(call);
    }
    world.write(calls);
    std::vector<std::string> seen;
    std::vector<std::string> cursors;
    std::string cursor;
    do {
        const auto page = world.get("/v1/projects/shop/requests?limit=10" +
                                    (cursor.empty() ? "" : "&cursor=" + cursor));
        CHECK(number_at(page["total"]) == 25);
        for (const auto& id : texts_of(page["items"], "id")) seen.push_back(id);
        cursor = page["next_cursor"].is_null() ? "" : text_at(page["next_cursor"]);
        if (!cursor.empty()) cursors.push_back(cursor);
    } while (!cursor.empty() && seen.size() < 100);
    CHECK(seen.size() == 25);
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 25);
    CHECK(seen.front() == calls.back().id);

    // New calls move nothing behind a cursor, and it stays valid.
    auto newer = make_call(900);
    newer.requested_at = UtcTime(std::chrono::seconds(1'795'100'000));
    world.write({newer});
    const auto second = world.get("/v1/projects/shop/requests?limit=10&cursor=" + cursors[0]);
    CHECK(texts_of(second["items"], "id") ==
          std::vector<std::string>(seen.begin() + 10, seen.begin() + 20));
    CHECK(number_at(second["total"]) == 26);
    CHECK(texts_of(world.get("/v1/requests")["items"], "id").front() == newer.id);
}

TEST_CASE("call routes: filters, and what is wrong with a question") {
    ApiWorld world;
    auto other = world.call(2, "2026-11-02T00:00:00Z");
    other.provider = "openai";
    other.model = "gpt-b";
    other.project_slug = "other";
    other.client = {"codex", "1.0", "session-2", {}, {}, {}};
    world.write({world.call(1, "2026-11-01T00:00:00Z"), other,
                 make_failed(world, 3, "2026-11-03T00:00:00Z", meter::ErrorClass::auth, 401)});
    const auto total = [&](const std::string& query) {
        return number_at(world.get("/v1/requests?" + query)["total"]);
    };
    CHECK(total("") == 3);
    CHECK(total("provider=openai") == 1);
    CHECK(total("provider=OpenAI") == 0);
    CHECK(total("model=gpt-b&project=other") == 1);
    CHECK(total("model=gpt-b&project=shop") == 0);
    CHECK(total("tool=codex") == 1);
    CHECK(total("session=session-2") == 1);
    CHECK(total("status=error") == 1);
    CHECK(total("error_class=auth") == 1);
    CHECK(total("since=2026-11-02&until=2026-11-03") == 1);
    CHECK(total("provider=%27%20OR%201%3D1--") == 0);
    CHECK(total("provider=%00") == 0);
    // The path says which project.
    CHECK(number_at(world.get("/v1/projects/shop/requests?project=other")["total"]) == 2);
    CHECK(world.status("/v1/projects/nobody/requests") == 404);
    for (const char* bad : {"cursor=x", "cursor=%00", "limit=0", "limit=201", "cursor=bm90IG9uZQ",
                            "cursor=2026-11-01T00:00:00.000000Z"}) {
        INFO(bad);
        CHECK(world.status("/v1/requests?" + std::string(bad)) == 422);
    }
}

TEST_CASE("call routes: CSV has every call, in steps") {
    ApiWorld world;
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 1; i <= 2'300; ++i) calls.push_back(make_call(i));
    calls[5].model = "a \"model\", with\r\na break";
    calls[6].project_slug = "other";
    world.write(calls);
    auto answer = world.ask("GET", "/v1/projects/shop/requests.csv");
    REQUIRE(answer.status == 200);
    CHECK(answer.content_type == "text/csv; charset=utf-8");
    bool is_attachment = false;
    for (const auto& [name, value] : answer.headers)
        is_attachment |= name == "Content-Disposition" &&
                         value == "attachment; filename=\"halton-meter-shop.csv\"";
    CHECK(is_attachment);
    CHECK(answer.body.empty());
    const auto text = world.read_all(std::move(answer));
    CHECK(text.starts_with("id,provider,model,mode,"));
    std::size_t ids = 0;
    for (auto at = text.find("\r\n00000000-"); at != std::string::npos;
         at = text.find("\r\n00000000-", at + 1))
        ++ids;
    CHECK(ids == 2'299);
    CHECK(text.find("\"a \"\"model\"\", with") != std::string::npos);
    CHECK(world.status("/v1/projects/nobody/requests.csv") == 404);
    CHECK(world.read_all(world.ask("GET", "/v1/requests.csv?project=other")).find("000000000007") !=
          std::string::npos);
    // None at all: a header.
    const auto none = world.read_all(world.ask("GET", "/v1/requests.csv?provider=nobody"));
    CHECK(none.find("\r\n") == none.size() - 2);
}

TEST_CASE("call routes: one call with everything that is known") {
    ApiWorld world;
    auto call = world.call(1, "2026-11-01T00:00:00Z");
    call.provider_request_id = "req_1";
    call.user_agent = "agent/1";
    call.source_workdir = "/home/ada/shop";
    world.write({call});
    auto one = world.get("/v1/requests/" + call.id);
    CHECK(text_at(one["request"]["id"]) == call.id);
    CHECK(text_at(one["detail"]["provider_request_id"]) == "req_1");
    CHECK(text_at(one["detail"]["host"]) == "api.anthropic.com");
    CHECK(text_at(one["detail"]["attribution_layer"]) == "git");
    CHECK(one["detail"]["thread_id"].is_null());
    CHECK(one["explanation"].is_null());
    CHECK(world.status("/v1/requests/none") == 404);
    CHECK(world.status("/v1/requests/%25") == 404);
}

TEST_CASE("call routes: sessions, and the calls of one, oldest first") {
    ApiWorld world;
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 1; i <= 6; ++i) {
        auto call = make_call(i);
        call.client = {"claude-code", "2.0", i <= 4 ? "long" : "short", {}, {}, {}};
        if (i == 2) call.retry_count = 1;
        calls.push_back(call);
    }
    calls.push_back(make_call(7));  // of no session
    world.write(calls);
    const auto page = world.get("/v1/sessions");
    CHECK(texts_of(page["items"], "session_id") == std::vector<std::string>{"short", "long"});
    CHECK(number_at(page["total"]) == 2);
    const auto session = element(page["items"], 1);
    CHECK(number_at(session["requests"]) == 4);
    CHECK(number_at(session["cost_nanousd"]) == 4 * 1'234'567);
    CHECK(number_at(session["retry_count"]) == 1);
    CHECK(text_at(session["client_tool"]) == "claude-code");
    CHECK(text_at(session["started_at"]) == to_iso8601(calls[0].requested_at));
    CHECK(text_at(session["last_at"]) == to_iso8601(calls[3].requested_at));
    CHECK(texts_of(session["models"], "") == std::vector<std::string>{"claude-test-1"});

    const auto one = world.get("/v1/sessions/long?limit=3");
    CHECK(text_at(one["session"]["session_id"]) == "long");
    CHECK(texts_of(one["requests"]["items"], "id") ==
          std::vector<std::string>{calls[0].id, calls[1].id, calls[2].id});
    const auto rest =
        world.get("/v1/sessions/long?limit=3&cursor=" + text_at(one["requests"]["next_cursor"]));
    CHECK(texts_of(rest["requests"]["items"], "id") == std::vector<std::string>{calls[3].id});
    CHECK(world.status("/v1/sessions/none") == 404);
    CHECK(world.status("/v1/sessions?cursor=x") == 422);
    CHECK(number_at(world.get("/v1/sessions?tool=codex")["total"]) == 0);
}

TEST_CASE("call routes: captured bodies") {
    ApiWorld world;
    const auto call = world.call(1, "2026-11-20T00:00:00Z");
    const auto other = world.call(2, "2026-11-20T00:00:00Z");
    world.write({call, other});
    store::RowWriter(world.sources.database)
        .bodies()
        .write(call.id, store::pack_bodies(*make_bodies("a question", "an answer")),
               world.clock.now_utc());
    const auto body = world.get("/v1/bodies/" + call.id);
    CHECK(text_at(body["request_id"]) == call.id);
    CHECK(text_at(body["request"]["text"]) == "a question");
    CHECK(text_at(body["response"]["text"]) == "an answer");
    CHECK(number_at(body["request"]["bytes"]) == 10);
    CHECK(body["request"]["is_truncated"].as_bool() == false);
    CHECK(text_at(body["project"]) == "shop");
    CHECK(world.get("/v1/requests/" + call.id)["has_body"].as_bool() == true);
    CHECK(world.get("/v1/requests/" + other.id)["has_body"].as_bool() == false);
    // Only by the whole id, and only where there is one.
    for (const auto& id : {other.id, call.id.substr(0, 8), std::string("last"), std::string("x")})
        CHECK(world.status("/v1/bodies/" + id) == 404);
}

TEST_CASE("call routes: errors with what to do") {
    ApiWorld world;
    world.write({world.call(1, "2026-11-20T00:00:00Z"),
                 make_failed(world, 2, "2026-11-20T00:00:01Z", meter::ErrorClass::rate_limit, 429),
                 make_failed(world, 3, "2026-11-20T00:00:02Z", meter::ErrorClass::rate_limit, 429),
                 make_failed(world, 4, "2026-11-20T00:00:03Z", meter::ErrorClass::permission, 403),
                 make_failed(world, 5, "2026-09-01T00:00:00Z", meter::ErrorClass::timeout, 504)});
    const auto errors = world.get("/v1/errors");
    CHECK(number_at(errors["total_requests"]) == 4);
    CHECK(number_at(errors["error_requests"]) == 3);
    const auto first = element(errors["items"], 0);
    CHECK(text_at(first["error_class"]) == "rate_limit");
    CHECK(number_at(first["requests"]) == 2);
    CHECK(number_at(first["http_status"]) == 429);
    CHECK(first["retryable"].as_bool() == true);
    CHECK(text_at(first["first_at"]) == "2026-11-20T00:00:01.000000Z");
    CHECK(text_at(first["last_at"]) == "2026-11-20T00:00:02.000000Z");
    CHECK(text_at(first["what_to_do"]).find("retry") != std::string::npos);
    CHECK(text_at(element(errors["items"], 1)["error_wire_class"]) == "auth");
    CHECK(texts_of(world.get("/v1/errors?since=2026-08-01")["items"], "error_class").size() == 3);
}

TEST_CASE("call routes: tools with their sessions and newest version") {
    ApiWorld world;
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 1; i <= 3; ++i) {
        auto call = world.call(i, "2026-11-20T00:00:00Z");
        call.requested_at += std::chrono::minutes(i);
        call.client = {
            "claude-code", i < 3 ? "2.0" : "2.1", "s" + std::to_string(i % 2), {}, {}, {}};
        calls.push_back(call);
    }
    calls.push_back(world.call(9, "2026-11-20T09:00:00Z"));
    world.write(calls);
    const auto tools = world.get("/v1/tools");
    CHECK(texts_of(tools["items"], "tool") == std::vector<std::string>{"claude-code", "null"});
    const auto first = element(tools["items"], 0);
    CHECK(text_at(first["version"]) == "2.1");
    CHECK(number_at(first["sessions"]) == 2);
    CHECK(number_at(first["requests"]) == 3);
    CHECK(text_at(first["last_at"]) == "2026-11-20T00:03:00.000000Z");
}
