#include "api/handlers.h"

#include "api/api_world.h"
#include "store/policies.h"

using namespace halton;
using namespace halton::test;

namespace {

int change(ApiWorld& world, std::string_view method, std::string_view target, std::string body) {
    world.last = world.ask(method, target, std::move(body));
    return world.last.status;
}

}  // namespace

TEST_CASE("change routes: a project is named, renamed, archived and set") {
    ApiWorld world;
    world.write({world.call(1, "2026-11-20T00:00:00Z")});
    const std::string target = "/v1/projects/shop";
    REQUIRE(change(world, "PATCH", target, R"({"name":"The \"shop\"","body_capture":true})") ==
            200);
    auto project = world.get(target);
    CHECK(text_at(project["name"]) == "The \"shop\"");
    CHECK(project["body_capture"].as_bool() == true);
    REQUIRE(change(world, "PATCH", target, R"({"body_capture":null,"archived":true})") == 200);
    project = world.get(target);
    CHECK(project["body_capture"].is_null());
    CHECK(project["archived_at"].is_string());
    CHECK(text_at(project["name"]) == "The \"shop\"");
    REQUIRE(change(world, "PATCH", target, R"({"archived":false,"slug":"acme/shop"})") == 200);
    CHECK(text_at(world.get("/v1/projects/acme/shop")["slug"]) == "acme/shop");
    // The old name leads to it, also for the next change.
    REQUIRE(change(world, "PATCH", target, R"({"archived":true})") == 200);
    CHECK(world.get("/v1/projects/acme%2Fshop")["archived_at"].is_string());
    // What was done is in the audit.
    const auto types = texts_of(world.get("/v1/audit")["items"], "event_type");
    CHECK(std::count(types.begin(), types.end(), "project.archived") == 2);
    CHECK(std::count(types.begin(), types.end(), "body_capture.enabled") == 1);
    for (const auto& actor : texts_of(world.get("/v1/audit")["items"], "actor"))
        CHECK(actor == "api");
}

TEST_CASE("change routes: what is wrong changes nothing") {
    ApiWorld world;
    auto other = world.call(2, "2026-11-20T00:00:00Z");
    other.project_slug = "other";
    world.write({world.call(1, "2026-11-20T00:00:00Z"), other});
    const auto before = world.ask("GET", "/v1/projects/shop").body;
    for (const char* body :
         {"", "[]", "null", "{", "nonsense", R"({"name":1})", R"({"slug":"No Slug"})",
          R"({"slug":"../x y"})", R"({"archived":"yes"})", R"({"body_capture":1})",
          R"({"name":"fine","archived":0})"}) {
        INFO(body);
        CHECK(change(world, "PATCH", "/v1/projects/shop", body) == 422);
    }
    CHECK(change(world, "PATCH", "/v1/projects/shop",
                 "{\"name\":\"" + std::string(201, 'x') + "\"}") == 422);
    CHECK(change(world, "PATCH", "/v1/projects/nobody", "{}") == 404);
    // Somebody else's name.
    CHECK(change(world, "PATCH", "/v1/projects/shop", R"({"slug":"other"})") == 409);
    CHECK(world.ask("GET", "/v1/projects/shop").body == before);
    CHECK(change(world, "PATCH", "/v1/projects/shop", "{}") == 200);
}

TEST_CASE("change routes: policies are added, switched and removed") {
    ApiWorld world;
    REQUIRE(change(world, "POST", "/v1/policies",
                   R"({"name":"cap","kind":"budget","limit_usd":"12.50","period":"month",
                       "action":"block","tool":"codex"})") == 200);
    auto policy = element(world.get("/v1/policies")["items"], 0);
    CHECK(number_at(policy["limit_usd_minor_units"]) == 1'250'000);
    CHECK(text_at(policy["action"]) == "block");
    CHECK(text_at(policy["tool"]) == "codex");
    const auto target = "/v1/policies/" + text_at(policy["id"]);
    REQUIRE(change(world, "PATCH", target, R"({"enabled":false})") == 200);
    CHECK(element(world.get("/v1/policies")["items"], 0)["enabled"].as_bool() == false);
    REQUIRE(change(world, "DELETE", target, {}) == 200);
    CHECK(texts_of(world.get("/v1/policies")["items"], "name").empty());
    CHECK(change(world, "DELETE", target, {}) == 404);
    CHECK(change(world, "PATCH", target, R"({"enabled":true})") == 404);

    for (const char* body :
         {"{}", R"({"name":"x"})", R"({"name":"x","kind":"wish"})",
          R"({"name":"x","kind":"budget"})", R"({"name":"x","kind":"budget","limit_usd":"lots"})",
          R"({"name":"x","kind":"budget","limit_usd":"1","period":"year"})",
          R"({"name":"x","kind":"model","action":"explode"})",
          R"({"name":"x","kind":"model","priority":"high"})",
          R"({"name":"x","kind":"model","counts_plan":"no"})", R"({"name":7,"kind":"model"})"}) {
        INFO(body);
        CHECK(change(world, "POST", "/v1/policies", body) == 422);
    }
    CHECK(change(world, "PATCH", "/v1/policies/1", R"({"enabled":"yes"})") == 422);
    CHECK(texts_of(world.get("/v1/policies")["items"], "name").empty());
}
