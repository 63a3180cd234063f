#include "store/bodies.h"

#include <fstream>

#include <SQLiteCpp/Database.h>

#include "store/body_writer.h"
#include "store/calls.h"
#include "store/captures.h"
#include "store/projects.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::store;
using test::make_bodies;
using test::make_call;

namespace {

const UtcTime now = UtcTime(std::chrono::seconds(1'800'000'000));

class World {
public:
    void add(std::uint64_t number, const std::string& project, const std::string& request,
             int hour) {
        auto call = make_call(number);
        call.project_slug = project;
        writer_.begin();
        writer_.write(call);
        writer_.commit();
        writer_.bodies().write(call.id, pack_bodies(*make_bodies(request, "an answer")),
                               now + std::chrono::hours(hour));
    }
    std::filesystem::path file() const { return directory_ / "db.sqlite"; }
    void execute(const std::string& sql) {
        SQLite::Database(file().string(), SQLite::OPEN_READWRITE).exec(sql);
    }

private:
    test::TempDirectory directory_;
    RowWriter writer_{directory_ / "db.sqlite"};
};

}  // namespace

TEST_CASE("bodies: one by its id, by a beginning of it, and the newest") {
    World world;
    world.add(0x10, "shop", "first", 0);
    world.add(0x1f, "shop", "second", 1);
    const auto row = read_body(world.file(), make_call(0x10).id);
    REQUIRE(row);
    CHECK(row->request.text == "first");
    CHECK(row->response.text == "an answer");
    CHECK(row->entry.project_slug == "shop");
    CHECK(row->entry.model == "claude-test-1");
    CHECK(row->request.bytes == 5);
    CHECK_FALSE(row->request.is_truncated);
    CHECK(read_body(world.file(), "last")->request.text == "second");
    CHECK(read_body(world.file(), "00000000-0000-4000-8000-00000000001f")->request.text ==
          "second");
    CHECK(read_body(world.file(), "0000").error().kind == ErrorKind::malformed);
    for (const char* none : {"", "1", "zzz", "%", "~", "last "})
        CHECK(read_body(world.file(), none).error().kind == ErrorKind::not_found);
    const auto list = list_bodies(world.file(), 1);
    REQUIRE(list);
    REQUIRE(list->size() == 1);
    CHECK(list->front().request_id == make_call(0x1f).id);
}

TEST_CASE("bodies: rows of an older version, damaged ones and those of a newer one") {
    World world;
    world.add(1, "shop", "first", 0);
    world.execute(
        "UPDATE request_bodies SET request_body = 'plain', response_body = NULL, "
        "codec = NULL, request_bytes = NULL");
    const auto plain = read_body(world.file(), "last");
    REQUIRE(plain);
    CHECK(plain->request.text == "plain");
    CHECK_FALSE(plain->response.text);
    world.execute("UPDATE request_bodies SET codec = 'zstd'");
    CHECK(read_body(world.file(), "last").error().kind == ErrorKind::malformed);
    world.execute("UPDATE request_bodies SET codec = 'newer'");
    CHECK(read_body(world.file(), "last").error().kind == ErrorKind::unsupported);
}

TEST_CASE("bodies: stats") {
    World world;
    CHECK(read_body_stats(world.file())->count == 0);
    world.add(1, "shop", "Bearer abcdef1234 x", 0);
    world.add(2, "shop", "password=abcdef and Bearer abcdef1234 x", 5);
    world.add(3, "blog", "x", 2);
    REQUIRE(change_project(world.file(), "blog", {std::nullopt, std::optional<bool>(true)}));
    const auto stats = read_body_stats(world.file());
    REQUIRE(stats);
    CHECK(stats->count == 3);
    CHECK(stats->request_bytes == 19 + 39 + 1);
    CHECK(stats->response_bytes == 27);
    CHECK(stats->stored_bytes > 0);
    CHECK(stats->redaction_count == 3);
    CHECK(stats->oldest_at == to_iso8601(now));
    CHECK(stats->newest_at == to_iso8601(now + std::chrono::hours(5)));
    CHECK(stats->redaction_kinds ==
          std::vector<std::pair<std::string, std::int64_t>>{{"bearer", 2}, {"password", 1}});
    CHECK(stats->projects ==
          std::vector<std::pair<std::string, std::int64_t>>{{"shop", 2}, {"blog", 1}});
    CHECK(stats->switches == std::vector<std::pair<std::string, bool>>{{"blog", true}});
}

TEST_CASE("bodies: prunes by age, by project with its old names, and all") {
    World world;
    for (int i = 0; i < 120; ++i)
        world.add(static_cast<std::uint64_t>(i), i % 2 ? "shop" : "blog", "UNIQUE-PROMPT", i);
    REQUIRE(rename_project(world.file(), "blog", "diary"));
    const BodyFilter old{now + std::chrono::hours(20), {}};
    CHECK(count_bodies(world.file(), old) == 20);
    CHECK(prune_bodies(world.file(), old) == 20);
    const BodyFilter old_blog{now + std::chrono::hours(30), "blog"};
    CHECK(prune_bodies(world.file(), old_blog) == 5);
    CHECK(count_bodies(world.file(), {std::nullopt, "diary"}) == 45);
    CHECK(prune_bodies(world.file(), {std::nullopt, "nobody"}) == 0);
    CHECK(prune_bodies(world.file(), {}) == 95);
    CHECK(test::query_number(world.file(), "SELECT count(*) FROM requests") == 120);
    CHECK(read_body_stats(world.file())->count == 0);
}

TEST_CASE("bodies: the switches of projects, and whether to look again") {
    World world;
    world.add(1, "shop", "x", 0);
    world.add(2, "blog", "x", 0);
    FileWatch watch(world.file());
    CHECK(watch.has_changed());
    CHECK_FALSE(watch.has_changed());
    REQUIRE(change_project(world.file(), "shop", {std::nullopt, std::optional<bool>(true)}));
    REQUIRE(change_project(world.file(), "blog", {std::nullopt, std::optional<bool>(false)}));
    REQUIRE(rename_project(world.file(), "shop", "store"));
    CHECK(watch.has_changed());
    CHECK_FALSE(watch.has_changed());
    watch.forget();
    CHECK(watch.has_changed());
    CHECK(read_capture_switches(world.file()) ==
          std::unordered_map<std::string, bool>{{"store", true}, {"shop", true}, {"blog", false}});
    ProjectChange as_everywhere;
    as_everywhere.body_capture.emplace(std::nullopt);
    REQUIRE(change_project(world.file(), "shop", as_everywhere));
    CHECK(read_capture_switches(world.file())->size() == 1);
}

TEST_CASE("bodies: the switch for everywhere leaves a trace when it is another") {
    World world;
    const auto events = [&] {
        return test::query_text(
            world.file(),
            "SELECT coalesce(group_concat(event_type || ' ' || actor, ','), '') "
            "FROM audit_events");
    };
    CHECK(note_capture_everywhere(world.file(), false));
    CHECK(events().empty());
    CHECK(note_capture_everywhere(world.file(), true));
    CHECK(note_capture_everywhere(world.file(), true));
    CHECK(events() == "body_capture.enabled daemon");
    CHECK(note_capture_everywhere(world.file(), false));
    CHECK(events() == "body_capture.enabled daemon,body_capture.disabled daemon");
    SQLite::Database other(world.file().string(), SQLite::OPEN_READWRITE);
    other.exec("BEGIN IMMEDIATE");
    CHECK_FALSE(note_capture_everywhere(world.file(), true));
    other.exec("ROLLBACK");
    CHECK_FALSE(note_capture_everywhere(world.file().parent_path() / "none", true));
}

TEST_CASE("bodies: no database, an older one, and one that is none") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    CHECK_FALSE(read_capture_switches(file));
    CHECK(read_body_stats(file)->count == 0);
    CHECK(read_body(file, "last").error().kind == ErrorKind::not_found);
    { SQLite::Database empty(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE); }
    CHECK_FALSE(read_capture_switches(file));
    CHECK(prune_bodies(file, {}).error().kind == ErrorKind::not_found);
    std::ofstream(file) << std::string(5000, 'x');
    CHECK(read_body(file, "last").error().kind == ErrorKind::io);
    CHECK_FALSE(read_body_stats(file));
    CHECK_FALSE(read_capture_switches(file));
}
