#include "store/schema.h"

#include <array>
#include <set>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>

#include "support/catch.h"

using namespace halton;

namespace {

SQLite::Database open_memory() {
    SQLite::Database database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("PRAGMA foreign_keys = ON");
    return database;
}

std::set<std::string> columns_of(SQLite::Database& database, const std::string& table) {
    std::set<std::string> names;
    SQLite::Statement info(database, "PRAGMA table_info(" + table + ")");
    while (info.executeStep()) names.insert(info.getColumn(1).getString());
    return names;
}

}  // namespace

TEST_CASE("schema: a new file has every documented table and column") {
    auto database = open_memory();
    store::migrate(database, store::migrations());
    for (const char* table :
         {"projects", "requests", "request_bodies", "project_settings", "pricing_rates",
          "audit_events", "policies", "reconciliation_records", "_migrations"})
        CHECK(database.tableExists(table));
    const auto columns = columns_of(database, "requests");
    for (const char* column : {"id",
                               "project_id",
                               "provider",
                               "model",
                               "mode",
                               "request_kind",
                               "input_tokens",
                               "output_tokens",
                               "thinking_tokens",
                               "cache_read_tokens",
                               "cache_write_tokens",
                               "cost_usd_minor_units",
                               "fx_rate",
                               "rates_source",
                               "latency_ms",
                               "tokens_complete",
                               "requested_at",
                               "status",
                               "error_class",
                               "provider_error_code",
                               "http_status",
                               "retryable",
                               "error_message_hash",
                               "method",
                               "path",
                               "provider_request_id",
                               "source_workdir",
                               "attribution_layer",
                               "synced_at"}) {
        INFO(column);
        CHECK(columns.count(column) == 1);
    }
    CHECK(columns_of(database, "projects") ==
          std::set<std::string>{"id", "slug", "name", "created_at", "archived_at",
                                                "folder"});
}

TEST_CASE("schema: migrating again changes nothing") {
    auto database = open_memory();
    store::migrate(database, store::migrations());
    const auto number = store::read_schema_number(database);
    CHECK(number == store::migrations().back().number);
    database.exec("INSERT INTO projects (slug, name, created_at) VALUES ('a', 'a', '')");
    store::migrate(database, store::migrations());
    CHECK(store::read_schema_number(database) == number);
    CHECK(database.execAndGet("SELECT count(*) FROM _migrations").getInt() ==
          static_cast<int>(store::migrations().size()));
    CHECK(database.execAndGet("SELECT count(*) FROM projects").getInt() == 1);
}

TEST_CASE("schema: steps are applied in order from where the file stands") {
    constexpr std::array<store::Migration, 2> two{
        {{1, "first", "CREATE TABLE t (a)"}, {2, "second", "ALTER TABLE t ADD COLUMN b"}}};
    auto database = open_memory();
    store::migrate(database, std::span(two).first(1));
    database.exec("INSERT INTO t (a) VALUES (7)");
    store::migrate(database, two);
    CHECK(database.execAndGet("SELECT a FROM t WHERE b IS NULL").getInt() == 7);
    CHECK(database.execAndGet("SELECT name FROM _migrations WHERE number = 2").getString() ==
          "second");
}

TEST_CASE("schema: a step that fails leaves nothing behind and can be tried again") {
    constexpr std::array<store::Migration, 2> bad{
        {{1, "first", "CREATE TABLE t (a)"}, {2, "bad", "CREATE TABLE u (a); CREATE TABLE t (b)"}}};
    auto fresh = open_memory();
    // Of a new file nothing at all: half of a schema is none.
    CHECK_THROWS_AS(store::migrate(fresh, bad), SQLite::Exception);
    CHECK(store::read_schema_number(fresh) == 0);
    CHECK_FALSE(fresh.tableExists("t"));
    auto database = open_memory();
    store::migrate(database, std::span(bad).first(1));
    CHECK_THROWS_AS(store::migrate(database, bad), SQLite::Exception);
    CHECK(store::read_schema_number(database) == 1);
    CHECK_FALSE(database.tableExists("u"));
    constexpr std::array<store::Migration, 2> good{
        {{1, "first", "CREATE TABLE t (a)"}, {2, "good", "CREATE TABLE u (a)"}}};
    store::migrate(database, good);
    CHECK(store::read_schema_number(database) == 2);
}

TEST_CASE("schema: a newer file is left as it is") {
    auto database = open_memory();
    store::migrate(database, store::migrations());
    database.exec("INSERT INTO _migrations VALUES (99, 'future', '')");
    store::migrate(database, store::migrations());
    CHECK(store::read_schema_number(database) == 99);
}

TEST_CASE("schema: migration numbers rise") {
    int last = 0;
    for (const auto& step : store::migrations()) {
        CHECK(step.number > last);
        last = step.number;
    }
}

TEST_CASE("schema: a project with calls cannot be deleted, and any error class is taken") {
    auto database = open_memory();
    store::migrate(database, store::migrations());
    database.exec("INSERT INTO projects (slug, name, created_at) VALUES ('a', 'a', '')");
    database.exec(
        "INSERT INTO requests (id, project_id, provider, model, requested_at, status, error_class)"
        " VALUES ('x', 1, 'p', 'm', '', 'error', 'a class of the future')");
    CHECK_THROWS_AS(database.exec("DELETE FROM projects"), SQLite::Exception);
    CHECK(database.execAndGet("SELECT cost_usd_minor_units IS NULL FROM requests").getInt() == 1);
}

TEST_CASE("schema: the generated columns undo what providers mean") {
    auto database = open_memory();
    store::migrate(database, store::migrations());
    database.exec("INSERT INTO projects (slug, name, created_at) VALUES ('a', 'a', '')");
    const auto totals = [&](const std::string& names, const std::string& values) {
        database.exec("DELETE FROM requests");
        database.exec(
            "INSERT INTO requests (id, project_id, provider, model, requested_at, status, " +
            names + ") VALUES ('x', 1, 'p', 'm', '', 'success', " + values + ")");
        return database
            .execAndGet(
                "SELECT fresh_input_tokens || ' ' || cache_write_5m_tokens || ' ' || "
                "total_input_tokens || ' ' || total_output_tokens FROM requests")
            .getString();
    };
    CHECK(totals("input_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, "
                 "output_tokens, thinking_tokens, input_includes_cache, reasoning_on_top",
                 "100, 2000, 300, 250, 40, 30, 0, 0") == "100 50 2400 40");
    CHECK(totals("input_tokens, cache_read_tokens, tool_input_tokens, audio_input_tokens, "
                 "output_tokens, thinking_tokens, input_includes_cache, reasoning_on_top",
                 "1000, 600, 70, 100, 40, 30, 1, 1") == "300 0 1070 70");
    // Cached sound is in both counts, and taken off once.
    CHECK(totals("input_tokens, cache_read_tokens, audio_input_tokens, audio_cache_read_tokens, "
                 "image_cache_read_tokens, output_tokens, thinking_tokens, input_includes_cache, "
                 "reasoning_on_top",
                 "139, 64, 96, 64, 0, 40, 0, 1, 0") == "43 0 139 40");
    // Of a row from before the columns nothing is known.
    CHECK(totals("input_tokens", "5").empty());
}

TEST_CASE("schema: a file of the first version gets the rest and keeps its rows") {
    auto database = open_memory();
    store::migrate(database, store::migrations().first(1));
    database.exec("INSERT INTO projects (slug, name, created_at) VALUES ('a', 'a', '')");
    database.exec(
        "INSERT INTO requests (id, project_id, provider, model, requested_at, status, "
        "cost_nanousd) VALUES ('x', 1, 'p', 'm', '', 'success', 7)");
    store::migrate(database, store::migrations());
    CHECK(database
              .execAndGet("SELECT cost_nanousd FROM requests WHERE billing_mode IS NULL AND "
                          "total_input_tokens IS NULL AND retry_count IS NULL")
              .getInt() == 7);
    CHECK(database.tableExists("plan_limits"));
}
