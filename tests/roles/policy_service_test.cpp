#include "roles/policy_service.h"

#include <filesystem>

#include "base/json.h"
#include "net/task_group.h"
#include "store/calls.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/fake_clock.h"
#include "support/io.h"
#include "support/replay.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::test;
using roles::PolicyService;

namespace {

struct World {
    explicit World(std::vector<std::string> command = {})
        : file(folder / "db.sqlite"),
          writer(file),
          service(io.context, file, sink, clock, std::move(command)) {}
    ~World() {
        tasks.cancel_all();
        CHECK(io.run(tasks.join(safety)));
    }
    void start() {
        tasks.spawn("policies", service.run());
        tasks.spawn("notices", service.run_notices());
    }
    void add(const std::string& name, meter::PolicyAction action, std::int64_t limit = 0) {
        meter::Policy policy;
        policy.name = name;
        policy.action = action;
        if (limit > 0) policy.kind = meter::PolicyKind::budget;
        policy.limit = NanoUsd{limit};
        REQUIRE(store::add_policy(file, policy));
    }
    meter::CallRecord make(std::int64_t cost) {
        auto call = make_call(++number);
        call.requested_at = clock.now_utc();
        call.cost = NanoUsd{cost};
        return call;
    }
    void write(const meter::CallRecord& call) {
        writer.begin();
        writer.write(call);
        writer.commit();
    }
    std::int64_t count(const std::string& type) {
        return store::read_audit(file, {.type = type})->total;
    }
    void execute(const std::string& sql) {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, 5000);
        database.exec(sql);
    }

    const TempDirectory folder;
    const std::filesystem::path file;
    FakeClock clock;
    store::RowWriter writer;
    CollectingSink sink;
    Io io;
    PolicyService service;
    net::TaskGroup tasks{io.context.get_executor()};
    std::uint64_t number = 0;
};

}  // namespace

TEST_CASE("policy service: policies come, hold and go with the table") {
    World world;
    world.start();
    world.io.until([&] { return world.service.facts().state == "ok"; });
    CHECK_FALSE(world.service.book().may_block("shop", "anthropic"));
    world.add("no calls", meter::PolicyAction::block);
    world.io.until([&] { return world.service.book().may_block("shop", "anthropic"); });
    CHECK(world.service.facts().active == 1);
    CHECK(world.service.facts().blocking == 1);
    REQUIRE(store::enable_policy(world.file, "no calls", false));
    world.io.until([&] { return !world.service.book().may_block("shop", "anthropic"); });
}

TEST_CASE("policy service: while the table cannot be read every call passes") {
    World world;
    world.add("no calls", meter::PolicyAction::block);
    world.start();
    world.io.until([&] { return world.service.book().may_block("shop", "anthropic"); });
    world.execute("ALTER TABLE policies RENAME TO away; CREATE TABLE policies (x)");
    world.io.until([&] { return world.service.facts().state == "unreadable"; });
    CHECK_FALSE(world.service.book().may_block("shop", "anthropic"));
    CHECK(world.service.facts().failures > 0);
    CHECK_FALSE(world.service.facts().last_error.empty());
    // Rows go on.
    world.service.offer(world.make(5));
    CHECK(world.sink.calls.size() == 1);
    world.execute("DROP TABLE policies; ALTER TABLE away RENAME TO policies");
    world.io.until([&] { return world.service.facts().state == "ok"; });
    CHECK(world.service.book().may_block("shop", "anthropic"));
}

TEST_CASE("policy service: spend begins with the database and goes on with what ends") {
    World world;
    world.write(world.make(600));
    world.add("team", meter::PolicyAction::block, 1000);
    world.start();
    const auto is_blocked = [&] {
        return world.service.book()
                   .judge({"shop", "anthropic", "claude-test-1", "", ""}, world.clock.now_utc())
                   .blocked_by != nullptr;
    };
    world.io.until([&] { return world.service.book().may_block("", ""); });
    world.io.until([&] { return world.count("budget.threshold") == 1; });  // 50 %
    const auto second = world.make(399);
    world.service.offer(second);
    CHECK_FALSE(is_blocked());
    world.write(second);
    world.service.offer(world.make(1));
    CHECK(is_blocked());
    world.io.until([&] { return world.count("policy.matched") == 1; });
    const auto event = store::read_audit(world.file, {.type = "policy.matched"})->events.front();
    JsonParser parser;
    const auto detail = parser.parse(event.detail);
    REQUIRE(detail);
    CHECK((*detail)["percent"].as_integer() == 100);
    CHECK((*detail)["spent_nanousd"].as_integer() == 1000);
    CHECK(event.detail.find('\n') == std::string::npos);
    // A second daemon counts the same and tells nobody again.
    PolicyService other(world.io.context, world.file, world.sink, world.clock, {});
    world.tasks.spawn("other", other.run());
    world.io.until([&] { return other.facts().state == "ok"; });
    other.offer(world.make(5000));
    world.io.until([&] { return world.count("") >= 3; });
    CHECK(world.count("policy.matched") == 1);
    world.tasks.cancel_all();
    CHECK(world.io.run(world.tasks.join(safety)));
}

TEST_CASE(
    "policy service: the command is given the event on its stdin, and what it does is counted") {
    const TempDirectory folder;
    const auto told = (folder / "told").string();
    World world({"sh", "-c", "cat >> '" + told + "'; exit 3"});
    world.add("all", meter::PolicyAction::warn);
    world.add("quiet", meter::PolicyAction::log);
    world.start();
    world.io.until([&] { return world.service.facts().active == 2; });
    world.service.offer(world.make(1));
    world.io.until([&] { return world.service.facts().hooks_failed == 1; });
    CHECK(world.count("policy.matched") == 2);
    JsonParser parser;
    const auto text = read_text(told);
    const auto notice = parser.parse(text);
    REQUIRE(notice);  // one: nobody is told of what is only logged
    CHECK((*notice)["type"].as_string() == "policy.matched");
    CHECK((*notice)["project"].as_string() == "shop");
    CHECK((*notice)["detail"]["policy"].as_string() == "all");
    CHECK(text.find('\n') == text.size() - 1);
}

TEST_CASE("policy service: what the command is told is one line") {
    store::AuditEvent event;
    event.type = "policy.matched";
    event.occurred_at = "2026-11-21T13:05:59.000000Z";
    event.project = "a\"b";
    CHECK(roles::to_notice(event) ==
          R"({"type":"policy.matched","occurred_at":"2026-11-21T13:05:59.000000Z",)"
          R"("project":"a\"b","request_id":"","detail":{}})"
          "\n");
    event.request_id = "x1";
    event.detail = "{\"policy\":\"all\"}\n";
    const auto text = roles::to_notice(event);
    CHECK(text.ends_with(R"("request_id":"x1","detail":{"policy":"all"}})"
                         "\n"));
}

TEST_CASE("policy service: events wait for a database, and the last are written at the end") {
    const TempDirectory folder;
    const auto file = folder / "db.sqlite";
    Io io;
    FakeClock clock;
    CollectingSink sink;
    PolicyService service(io.context, file, sink, clock, {});
    net::TaskGroup tasks(io.context.get_executor());
    tasks.spawn("policies", service.run());
    service.note_settings(R"({"list_date":"2026-08-21"})", true);
    service.note(store::audit::daemon_started, R"({"pid":1})");
    io.until([&] { return service.facts().state == "ok"; });
    store::RowWriter writer(file);
    io.until([&] {
        return store::read_audit(file, {}).has_value() && store::read_audit(file, {})->total == 3;
    });
    // The same again is no news.
    service.note_settings(R"({"list_date":"2026-08-21"})", true);
    for (const auto at = std::chrono::steady_clock::now() + std::chrono::milliseconds(1'500);
         std::chrono::steady_clock::now() < at;)
        io.settle();
    service.note(store::audit::daemon_stopped);
    tasks.cancel_all();
    CHECK(io.run(tasks.join(safety)));
    io.run(service.settle());
    service.pause();
    service.resume();
    service.write_rest(std::chrono::milliseconds(1000));
    CHECK(store::read_audit(file, {.type = "daemon.stopped"})->total == 1);
    CHECK(store::read_audit(file, {.type = "pricing."})->total == 1);
    const auto captures = store::read_audit(file, {.type = "body_capture."});
    REQUIRE(captures->total == 1);
    CHECK(captures->events[0].type == "body_capture.enabled");
}

TEST_CASE("policy service: a blocked call is a row and no spend") {
    World world;
    world.add("all", meter::PolicyAction::warn);
    world.start();
    world.io.until([&] { return world.service.facts().active == 1; });
    auto call = world.make(0);
    call.status = "blocked";
    world.service.offer(call);
    CHECK(world.sink.calls.size() == 1);
    CHECK(world.service.book().pending_calls().empty());
    CHECK(world.service.facts().blocked == 0);  // counted where it was refused
}
