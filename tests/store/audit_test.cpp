#include "store/audit.h"

#include "store/calls.h"
#include "store/projects.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::store;
using test::make_call;
using test::query_number;

namespace {

struct World {
    World() : file(folder / "db.sqlite"), writer(file) {
        writer.begin();
        writer.write(make_call(1));  // project shop
        writer.commit();
    }
    void add(std::string_view type, std::string project = {}, std::string at = {}) {
        AuditEvent event;
        event.type = type;
        event.actor = "test";
        event.project = std::move(project);
        event.occurred_at = std::move(at);
        event.detail = "{}";
        REQUIRE(append_audit(file, std::vector{event}));
    }
    AuditPage read(const AuditQuery& query = {}) {
        auto page = read_audit(file, query);
        REQUIRE(page);
        return *page;
    }

    const test::TempDirectory folder;
    const std::filesystem::path file;
    RowWriter writer;
};

}  // namespace

TEST_CASE("audit: the newest first, by type, time and project, page by page") {
    World world;
    world.add(audit::daemon_started, {}, "2026-11-20T10:00:00.000000Z");
    world.add(audit::policy_created, "shop", "2026-11-21T10:00:00.000000Z");
    world.add(audit::policy_blocked, "shop", "2026-11-21T11:00:00.000000Z");
    world.add(audit::daemon_stopped, "nobody", "2026-11-21T12:00:00.000000Z");
    const auto all = world.read();
    REQUIRE(all.events.size() == 4);
    CHECK(all.total == 4);
    CHECK_FALSE(all.has_more);
    CHECK(all.events[0].type == "daemon.stopped");
    CHECK(all.events[0].project.empty());  // no such project
    CHECK(all.events[2].project == "shop");
    CHECK(all.events[2].actor == "test");
    CHECK(world.read({.type = "policy."}).events.size() == 2);
    CHECK(world.read({.type = "policy.blocked"}).events.size() == 1);
    CHECK(world.read({.type = "policy"}).events.empty());
    CHECK(world.read({.since = "2026-11-21T10:30:00.000000Z"}).events.size() == 2);
    CHECK(world.read({.project = "shop"}).events.size() == 2);

    const auto first = world.read({.count_max = 3});
    CHECK(first.has_more);
    CHECK(first.total == 4);
    REQUIRE(first.events.size() == 3);
    const auto second = world.read({.before_id = first.events.back().id, .count_max = 3});
    REQUIRE(second.events.size() == 1);
    CHECK_FALSE(second.has_more);
    CHECK(second.events[0].type == "daemon.started");
}

TEST_CASE("audit: events stay, and stay as they are, but move with their project") {
    World world;
    world.add(audit::policy_blocked, "shop");
    SQLite::Database database(world.file.string(), SQLite::OPEN_READWRITE, 5000);
    CHECK_THROWS_AS(database.exec("DELETE FROM audit_events"), SQLite::Exception);
    CHECK_THROWS_AS(database.exec("UPDATE audit_events SET detail = 'x'"), SQLite::Exception);
    CHECK_THROWS_AS(database.exec("UPDATE audit_events SET occurred_at = ''"), SQLite::Exception);

    auto call = make_call(2);
    call.project_slug = "other";
    world.writer.begin();
    world.writer.write(call);
    world.writer.commit();
    REQUIRE(merge_projects(world.file, "shop", "other"));
    CHECK(world.read({.type = "policy.blocked"}).events[0].project == "other");
    // An old slug leads to the project that has it now.
    world.add(audit::policy_matched, "shop");
    CHECK(world.read({.type = "policy.matched"}).events[0].project == "other");
}

TEST_CASE("audit: what people do to projects is told") {
    World world;
    REQUIRE(archive_project(world.file, "shop", true));
    REQUIRE(archive_project(world.file, "shop", true));
    REQUIRE(archive_project(world.file, "shop", false));
    REQUIRE(change_project(world.file, "shop", {.body_capture = std::optional(true)}));
    REQUIRE(change_project(world.file, "shop", {.body_capture = std::optional(false)}));
    REQUIRE(change_project(world.file, "shop", {.name = "The shop"}));
    std::vector<std::string> types;
    for (const auto& event : world.read().events) {
        types.push_back(event.type);
        CHECK(event.project == "shop");
    }
    CHECK(types == std::vector<std::string>{"body_capture.disabled", "body_capture.enabled",
                                            "project.unarchived", "project.archived"});
}

TEST_CASE("audit: hostile rows are shown, and a missing table or file is none") {
    World world;
    {
        SQLite::Database database(world.file.string(), SQLite::OPEN_READWRITE, 5000);
        database.exec(
            "INSERT INTO audit_events (occurred_at, event_type, actor, project_id, detail) "
            "VALUES (x'00ff', 17, NULL, 1, x'ff')");
    }
    CHECK(world.read().events.size() == 1);
    CHECK(world.read({.type = "x' OR '1'='1"}).events.empty());
    const auto missing = read_audit(world.folder / "none.sqlite", {});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind == ErrorKind::not_found);
    SQLite::Database empty((world.folder / "empty.sqlite").string(),
                           SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    empty.exec("CREATE TABLE x (y)");
    CHECK(read_audit(world.folder / "empty.sqlite", {})->events.empty());
    const auto refused = append_audit(world.folder / "empty.sqlite", std::vector{AuditEvent{}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::unsupported);
}

TEST_CASE("audit: a lock that is held is waited for as long as was said") {
    World world;
    SQLite::Database other(world.file.string(), SQLite::OPEN_READWRITE, 5000);
    other.exec("BEGIN IMMEDIATE");
    AuditEvent event;
    event.type = "test";
    const auto refused =
        append_audit(world.file, std::vector{event}, std::chrono::milliseconds(20));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::busy);
    other.exec("ROLLBACK");
    CHECK(append_audit(world.file, std::vector{event}));
    CHECK(read_newest_audit(world.file, "test")->has_value());
    CHECK_FALSE(read_newest_audit(world.file, "other")->has_value());
}
