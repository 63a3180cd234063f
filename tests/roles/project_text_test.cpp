#include "roles/project_text.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::roles;
using store::ProjectRow;

namespace {

std::vector<ProjectRow> projects() {
    ProjectRow shop;
    shop.slug = "shop";
    shop.name = "The <b>Shop\x1b";
    shop.folder = "/home/ada/shop";
    shop.created_at = "2026-11-01T10:00:00.000000Z";
    shop.old_slugs = {"store", "market"};
    shop.requests = 12;
    shop.cost = NanoUsd{1'230'000'000};
    shop.last_request_at = "2026-11-21T01:02:03.456789Z";
    shop.body_capture = true;
    ProjectRow old;
    old.slug = "old";
    old.name = "old";
    old.created_at = "2026-01-01T10:00:00.000000Z";
    old.archived_at = "2026-06-01T10:00:00.000000Z";
    return {old, shop};
}

}  // namespace

TEST_CASE("projects text: a table without the archived ones, unless all are wanted") {
    const auto text = to_projects_text(projects(), false, 0);
    CHECK(
        text ==
        "  project              requests   cost  last call (UTC)   folder          old names\n"
        "  shop (The <b>Shop?)        12  $1.23  2026-11-21 01:02  /home/ada/shop  store, market\n"
        "\n1 archived; to see them: halton-meter projects list --all\n");
    CHECK(to_projects_text(projects(), true, 0).find("old [archived]") != std::string::npos);
    CHECK(to_projects_text({}, false, 0).find("No project yet") == 0);
    // Narrow: the name and the money stay.
    const auto narrow = to_projects_text(projects(), false, 44);
    CHECK(narrow.find("folder") == std::string::npos);
    CHECK(narrow.find("$1.23") != std::string::npos);
}

TEST_CASE("projects text: JSON that parses, without control characters") {
    JsonParser parser;
    const auto text = to_projects_json(projects(), true);
    const auto parsed = parser.parse(text);
    REQUIRE(parsed);
    int count = 0;
    (*parsed)["projects"].for_each_element([&](JsonView project) {
        if (++count == 1) {
            CHECK(project["archived_at"].as_string() == "2026-06-01T10:00:00.000000Z");
            CHECK(project["folder"].is_null());
            CHECK(project["settings"]["body_capture"].is_null());
            return;
        }
        CHECK(project["slug"].as_string() == "shop");
        CHECK(project["name"].as_string() == "The <b>Shop?");
        CHECK(project["cost_nanousd"].as_integer() == 1'230'000'000);
        CHECK(project["settings"]["body_capture"].as_bool() == true);
    });
    CHECK(count == 2);
    CHECK(to_projects_json(projects(), false).find("\"old\"") == std::string::npos);
}

TEST_CASE("projects text: one project") {
    const auto text = to_project_text(projects()[1]);
    CHECK(text ==
          "project shop\n"
          "  name: The <b>Shop?\n"
          "  folder: /home/ada/shop\n"
          "  old names: store, market\n"
          "  requests: 12, $1.23\n"
          "  archived: no\n"
          "  body capture: on\n");
    const auto old = to_project_text(projects()[0]);
    CHECK(old.find("archived: 2026-06-01 10:00 UTC") != std::string::npos);
    CHECK(old.find("body capture: as everywhere") != std::string::npos);
    JsonParser parser;
    const auto json = to_project_json(projects()[1]);
    const auto parsed = parser.parse(json);
    REQUIRE(parsed);
    CHECK((*parsed)["requests"].as_integer() == 12);
}
