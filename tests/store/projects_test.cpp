#include "store/projects.h"

#include "store/calls.h"
#include "store/row_writer.h"
#include "store/schema.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::store;
using test::make_call;
using test::query_number;
using test::query_text;

namespace {

class World {
public:
    World() : file(folder / "db.sqlite"), writer(file) {}

    void add(const std::string& slug, int count = 1, const std::string& at = {}) {
        writer.begin();
        for (int i = 0; i < count; ++i) {
            auto call = make_call(++number_);
            call.project_slug = slug;
            call.project_folder = at;
            writer.write(call);
        }
        writer.commit();
    }
    std::int64_t count(const std::string& slug) {
        return query_number(file,
                            "SELECT count(*) FROM requests r JOIN projects p ON "
                            "p.id = r.project_id WHERE p.slug = '" +
                                slug + "'");
    }
    ProjectRow find(const std::string& slug) {
        const auto rows = read_projects(file);
        REQUIRE(rows);
        for (const auto& row : *rows)
            if (row.slug == slug) return row;
        FAIL("no project " << slug);
        return {};
    }

    const test::TempDirectory folder;
    const std::filesystem::path file;
    RowWriter writer;  // the daemon's, with its memory of project ids

private:
    std::uint64_t number_ = 0;
};

}  // namespace

TEST_CASE("projects: a list with what they cost") {
    World world;
    world.add("shop", 2, "/home/ada/shop");
    world.add("blog");
    const auto rows = read_projects(world.file);
    REQUIRE(rows);
    REQUIRE(rows->size() == 2);
    CHECK((*rows)[0].slug == "blog");
    const auto& shop = (*rows)[1];
    CHECK(shop.name == "shop");
    CHECK(shop.folder == "/home/ada/shop");
    CHECK(shop.requests == 2);
    CHECK(shop.cost.value == 2 * 1'234'567);
    CHECK_FALSE(shop.last_request_at.empty());
    CHECK(shop.archived_at.empty());
    CHECK_FALSE(shop.body_capture);
    const auto folders = read_project_folders(world.file, 100);
    REQUIRE(folders);
    REQUIRE(folders->size() == 1);
    CHECK((*folders)[0].first == "shop");
    CHECK(read_project_folders(world.file, 0)->empty());
}

TEST_CASE("projects: settings without a look at the calls") {
    World world;
    world.add("shop", 2, "/home/ada/shop");
    world.add("blog");
    REQUIRE(rename_project(world.file, "shop", "store"));
    REQUIRE(change_project(world.file, "store", {"The store", std::optional<bool>(false)}, "api"));
    Reader reader(world.file);
    const auto rows = read_project_settings(reader);
    REQUIRE(rows);
    REQUIRE(rows->size() == 2);
    CHECK((*rows)[0].slug == "blog");
    CHECK_FALSE((*rows)[0].body_capture);
    CHECK((*rows)[0].old_slugs.empty());
    CHECK((*rows)[1].slug == "store");
    CHECK((*rows)[1].name == "The store");
    CHECK((*rows)[1].folder == "/home/ada/shop");
    CHECK((*rows)[1].old_slugs == std::vector<std::string>{"shop"});
    CHECK((*rows)[1].body_capture == false);
    CHECK(query_text(world.file, "SELECT actor FROM audit_events ORDER BY id DESC LIMIT 1") ==
          "api");

    const test::TempDirectory empty;
    Reader none(empty / "db.sqlite");
    CHECK(read_project_settings(none).error().kind == ErrorKind::not_found);
}

TEST_CASE("projects: the first folder of a slug stays, a later one fills a gap") {
    World world;
    world.add("shop");
    CHECK(world.find("shop").folder.empty());
    world.add("shop", 1, "/a/shop");
    CHECK(world.find("shop").folder == "/a/shop");
    world.add("shop", 1, "/b/shop");
    CHECK(world.find("shop").folder == "/a/shop");
    CHECK(world.count("shop") == 3);
}

TEST_CASE("projects: a renamed one keeps its rows and gets the new calls of its old name") {
    World world;
    world.add("shop", 2, "/a/shop");
    REQUIRE(rename_project(world.file, "shop", " Store "));
    world.add("shop", 1, "/a/shop");
    world.add("store");
    CHECK(world.count("store") == 4);
    const auto row = world.find("store");
    CHECK(row.name == "store");
    CHECK(row.old_slugs == std::vector<std::string>{"shop"});
    CHECK(find_current_slug(world.file, "shop") == "store");
    CHECK(find_current_slug(world.file, "store") == "store");
    CHECK(find_current_slug(world.file, "unseen") == "unseen");
    CHECK(find_current_slug(world.folder / "none", "shop") == "shop");
    CHECK(read_projects(world.file)->size() == 1);
    // Once more, by an old name, and back again.
    REQUIRE(rename_project(world.file, "shop", "market"));
    world.add("shop");
    world.add("store");
    CHECK(world.count("market") == 6);
    REQUIRE(rename_project(world.file, "market", "shop"));
    world.add("shop");
    world.add("market");
    world.add("store");
    CHECK(world.count("shop") == 9);
    CHECK(world.find("shop").old_slugs == std::vector<std::string>{"market", "store"});
    CHECK(query_number(world.file,
                       "SELECT count(*) FROM audit_events WHERE event_type='project.rename'") == 3);
}

TEST_CASE("projects: names that are taken, or none") {
    World world;
    world.add("shop");
    world.add("blog");
    CHECK(rename_project(world.file, "shop", "blog").error().kind == ErrorKind::permission);
    REQUIRE(rename_project(world.file, "blog", "journal"));
    CHECK(rename_project(world.file, "shop", "blog").error().kind == ErrorKind::permission);
    CHECK(rename_project(world.file, "none", "x").error().kind == ErrorKind::not_found);
    for (const char* bad : {"", "a b", "<script>", "..", "x\n"}) {
        INFO(bad);
        const auto renamed = rename_project(world.file, "shop", bad);
        if (std::string(bad) == "x\n")
            CHECK(renamed);  // trimmed
        else
            CHECK(renamed.error().kind == ErrorKind::malformed);
    }
    CHECK(rename_project(world.file, "x", "x"));
    CHECK(rename_project(world.folder / "none", "a", "b").error().kind == ErrorKind::not_found);
}

TEST_CASE("projects: a merge moves all rows, and new calls follow") {
    World world;
    world.add("old", 4'500, "/a/old");
    world.add("new");
    world.add("older");
    REQUIRE(rename_project(world.file, "older", "oldest"));
    REQUIRE(merge_projects(world.file, "oldest", "old") == 1);
    const auto moved = merge_projects(world.file, "old", "new");
    REQUIRE(moved);
    CHECK(*moved == 4'501);
    // The writer still remembers the project that is gone.
    world.add("old");
    world.add("older");
    world.add("oldest");
    world.add("new");
    CHECK(world.count("new") == 4'506);
    CHECK(read_projects(world.file)->size() == 1);
    const auto row = world.find("new");
    CHECK(row.old_slugs == std::vector<std::string>{"old", "older", "oldest"});
    CHECK(row.folder == "/a/old");
    CHECK(query_number(world.file,
                       "SELECT count(*) FROM requests WHERE project_id NOT IN "
                       "(SELECT id FROM projects)") == 0);
    CHECK(merge_projects(world.file, "old", "new").error().kind == ErrorKind::malformed);
    CHECK(merge_projects(world.file, "new", "none").error().kind == ErrorKind::not_found);
    CHECK(merge_projects(world.file, "none", "new").error().kind == ErrorKind::not_found);
}

TEST_CASE("projects: a merge that was interrupted goes on") {
    World world;
    world.add("old", 3);
    world.add("new");
    {
        // As the first step leaves it.
        SQLite::Database database(world.file.string(), SQLite::OPEN_READWRITE, 5000);
        database.exec(
            "INSERT INTO project_aliases SELECT 'old', id, '' FROM projects WHERE slug = 'new'");
    }
    world.add("old");
    CHECK(world.count("new") == 2);
    REQUIRE(merge_projects(world.file, "old", "new") == 3);
    CHECK(world.count("new") == 5);
    CHECK(read_projects(world.file)->size() == 1);
}

TEST_CASE("projects: archived ones are marked and go on counting") {
    World world;
    world.add("shop");
    REQUIRE(archive_project(world.file, "shop", true));
    CHECK_FALSE(world.find("shop").archived_at.empty());
    world.add("shop");
    CHECK(world.count("shop") == 2);
    REQUIRE(archive_project(world.file, "shop", false));
    CHECK(world.find("shop").archived_at.empty());
    CHECK(archive_project(world.file, "none", true).error().kind == ErrorKind::not_found);
}

TEST_CASE("projects: settings") {
    World world;
    world.add("shop");
    REQUIRE(change_project(world.file, "shop", {"The \x1b Shop", std::optional<bool>(true)}));
    CHECK(world.find("shop").name == "The ? Shop");
    CHECK(world.find("shop").body_capture == true);
    REQUIRE(change_project(world.file, "shop", {std::nullopt, std::optional<bool>(false)}));
    CHECK(world.find("shop").body_capture == false);
    CHECK(world.find("shop").name == "The ? Shop");
    REQUIRE(change_project(world.file, "shop",
                           {std::nullopt, std::optional<std::optional<bool>>(std::in_place)}));
    CHECK_FALSE(world.find("shop").body_capture);
    CHECK(change_project(world.file, "shop", {" ", {}}).error().kind == ErrorKind::malformed);
    // A name of its own does not follow the slug.
    REQUIRE(rename_project(world.file, "shop", "store"));
    CHECK(world.find("store").name == "The ? Shop");
}

TEST_CASE("projects: an older file is read as far as it goes, and not written") {
    const test::TempDirectory folder;
    const auto file = folder / "db.sqlite";
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        migrate(database, migrations().first(1));
        database.exec("INSERT INTO projects (slug, name, created_at) VALUES ('shop', 'shop', '')");
    }
    const auto rows = read_projects(file);
    REQUIRE(rows);
    REQUIRE(rows->size() == 1);
    CHECK((*rows)[0].folder.empty());
    CHECK(read_project_folders(file, 10)->empty());
    CHECK(rename_project(file, "shop", "x").error().kind == ErrorKind::unsupported);
}

TEST_CASE("projects: what a call says of its client is in its row") {
    World world;
    auto call = make_call(1);
    call.client = {"claude-code", "2.1.90", "session-1", "thread-1", "turn-1", "helper"};
    call.git_branch = "fix/1";
    world.writer.begin();
    world.writer.write(call);
    world.writer.write(make_call(2));
    world.writer.commit();
    CHECK(query_text(world.file,
                     "SELECT client_tool||' '||client_version||' '||session_id||' '||thread_id||' "
                     "'||turn_id||' '||agent_name||' '||git_branch FROM requests ORDER BY id") ==
          "claude-code 2.1.90 session-1 thread-1 turn-1 helper fix/1");
    CHECK(query_number(world.file,
                       "SELECT count(*) FROM requests WHERE client_tool IS NULL AND git_branch IS "
                       "NULL AND session_id IS NULL") == 1);
}
