#include "api/openapi.h"

#include <cstdlib>
#include <set>

#include "api/routes.h"
#include "api/schema.h"
#include "base/json.h"
#include "support/catch.h"
#include "support/golden.h"

using namespace halton;

namespace {

// Every $ref below a value.
void collect_references(JsonView value, std::set<std::string>& found) {
    value.for_each_member([&](std::string_view name, JsonView member) {
        if (name == "$ref" && member.is_string()) found.insert(std::string(*member.as_string()));
        collect_references(member, found);
    });
    value.for_each_element([&](JsonView element) { collect_references(element, found); });
}

}  // namespace

TEST_CASE("openapi: every route, every shape, and no reference into nothing") {
    const auto text = api::to_openapi();
    JsonParser parser;
    const auto json = parser.parse(text);
    REQUIRE(json);
    CHECK((*json)["openapi"].as_string() == "3.1.0");
    for (const auto& route : api::routes()) {
        INFO(route.method << ' ' << route.path);
        std::string method;
        for (const char c : route.method) method += static_cast<char>(c + 32);
        const auto operation = (*json)["paths"][route.path][method];
        const auto* status = route.gives == "Problem" ? "501" : "200";
        CHECK(operation["responses"][status]["content"].is_object());
        CHECK(operation["security"].is_present() == route.needs_token);
        CHECK(operation["requestBody"].is_present() == !route.takes.empty());
        CHECK((route.method == "GET" || route.needs_token || route.gives == "Problem"));
    }
    for (const auto& schema : api::schemas())
        CHECK((*json)["components"]["schemas"][schema.name].is_object());
    std::set<std::string> references;
    collect_references(*json, references);
    CHECK(references.size() > 30);
    for (const auto& reference : references) {
        INFO(reference);
        const std::string start = "#/components/schemas/";
        REQUIRE(reference.starts_with(start));
        CHECK(api::find_schema(reference.substr(start.size())) != nullptr);
    }
}

TEST_CASE("openapi: src/api/openapi.json is what is served") {
    auto text = api::to_openapi();
    // The version is the build's.
    const auto at = text.find("\"version\": \"");
    REQUIRE(at != std::string::npos);
    const auto begin = at + std::string_view("\"version\": \"").size();
    text.replace(begin, text.find('"', begin) - begin, "any");
    const auto path = test::source_root() / "src/api/openapi.json";
    if (std::getenv("HALTON_UPDATE_GOLDEN") != nullptr) {
        test::write_text(path, text);
        return;
    }
    INFO("to rewrite it: HALTON_UPDATE_GOLDEN=1 meson test -C build api");
    CHECK(test::read_text(path) == text);
}
