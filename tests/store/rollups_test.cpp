#include "store/rollups.h"

#include <array>
#include <limits>
#include <string>

#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Transaction.h>

#include "base/limits.h"
#include "meter/charge.h"
#include "meter/pricing.h"
#include "store/calls.h"
#include "store/projects.h"
#include "store/random_calls.h"
#include "store/reprice.h"
#include "store/row_writer.h"
#include "store/schema.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using test::Dice;
using test::make_call;
using test::query_number;
using test::query_text;
using test::random_calls;
using test::write_calls;

namespace {

// The raw sums, spelled out here by hand: they must not share a mistake with the triggers.
const std::string raw_sums =
    "count(*), sum(input_tokens), sum(output_tokens), sum(thinking_tokens), "
    "sum(cache_read_tokens), sum(cache_write_tokens), "
    "coalesce(sum(CASE WHEN cost_nanousd IS NOT NULL THEN cost_nanousd "
    "ELSE cost_usd_minor_units * 10000 END), 0), "
    "sum(cost_nanousd IS NULL AND cost_usd_minor_units IS NULL), "
    "sum(cost_state IS 'estimated'), sum(tokens_complete = 0), sum(status <> 'success'), "
    "coalesce(sum(CAST(latency_ms * 1000 + 0.5 AS INTEGER)), 0), count(latency_ms) ";

const std::string rollup_columns =
    "requests, input_tokens, output_tokens, thinking_tokens, cache_read_tokens, "
    "cache_write_tokens, cost_nanousd, unpriced_requests, estimated_requests, "
    "incomplete_requests, error_requests, latency_us, latency_requests ";

// What is in one and not in the other, row by row; empty when both are the same. `reach` says which
// rows the roll-up has to have.
std::string difference(SQLite::Database& database, const char* table, const char* period,
                       const std::string& beginning, const std::string& reach) {
    const std::string raw =
        "SELECT " + beginning +
        " AS period, project_id, provider, model, coalesce(client_tool, '') AS tool, "
        "CASE WHEN billing_mode IS NOT NULL THEN billing_mode "
        "WHEN host = 'chatgpt.com' OR host = 'cloudcode-pa.googleapis.com' THEN 'plan' "
        "ELSE 'metered' END AS billing, " +
        raw_sums + "FROM requests WHERE " + reach + " GROUP BY 1, 2, 3, 4, 5, 6";
    const std::string rolled = std::string("SELECT ") + period +
                               ", project_id, provider, model, tool, billing, " + rollup_columns +
                               "FROM " + table + " JOIN usage_keys ON id = key_id";
    std::string found;
    for (const auto& [one, two] : {std::pair(raw, rolled), std::pair(rolled, raw)}) {
        SQLite::Statement select(
            database, "SELECT * FROM (" + one + ") EXCEPT SELECT * FROM (" + two + ") LIMIT 3");
        while (select.executeStep()) {
            for (int i = 0; i < select.getColumnCount(); ++i)
                found += select.getColumn(i).getString() + " ";
            found += one == raw ? "is not in the roll-ups\n" : "is not in the rows\n";
        }
    }
    return found;
}

// The same of the sessions: how many differ.
std::int64_t session_differences(SQLite::Database& database) {
    const std::string raw =
        "SELECT substr(requested_at, 1, 10), session_id, project_id, coalesce(client_tool, ''), "
        "count(*) FROM requests WHERE session_id IS NOT NULL AND "
        "requested_at >= (SELECT covered_from FROM usage_cover) GROUP BY 1, 2, 3, 4";
    const std::string rolled =
        "SELECT day, session_id, project_id, tool, requests FROM usage_sessions";
    return database
        .execAndGet("SELECT (SELECT count(*) FROM (" + raw + " EXCEPT " + rolled +
                    ")) + (SELECT count(*) FROM (" + rolled + " EXCEPT " + raw + "))")
        .getInt64();
}

std::string difference(SQLite::Database& database) {
    std::string found =
        difference(database, "usage_half_hours", "half_hour",
                   "CASE WHEN requested_at < substr(requested_at, 1, 13) || ':3' "
                   "THEN substr(requested_at, 1, 13) ELSE substr(requested_at, 1, 13) || ':3' END",
                   "requested_at >= (SELECT covered_from FROM usage_cover)") +
        difference(database, "usage_days", "day", "substr(requested_at, 1, 10)",
                   "substr(requested_at, 1, 10) < (SELECT days_to FROM usage_cover)") +
        difference(database, "usage_months", "month", "substr(requested_at, 1, 7)",
                   "substr(requested_at, 1, 7) < (SELECT months_to FROM usage_cover)");
    const auto sessions = session_differences(database);
    if (sessions != 0) found += fmt::format("{} sessions differ\n", sessions);
    return found;
}

std::string difference(const std::filesystem::path& file) {
    SQLite::Database database(file.string(), SQLite::OPEN_READONLY, 5000);
    return difference(database);
}

SQLite::Database open(const std::filesystem::path& file) {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, 5000);
    database.exec("PRAGMA foreign_keys = ON");
    return database;
}

void migrate_to(const std::filesystem::path& file, int number) {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000);
    const auto steps = store::migrations();
    std::size_t count = 0;
    while (count < steps.size() && steps[count].number <= number) ++count;
    store::migrate(database, steps.first(count));
}

// A row by the columns of an old program.
void insert_by_hand(SQLite::Database& database, std::int64_t number, const std::string& time) {
    database.exec(
        "INSERT OR IGNORE INTO projects (id, slug, name, created_at) VALUES (1, 'a', 'a', '')");
    SQLite::Statement insert(
        database,
        "INSERT OR IGNORE INTO requests (id, project_id, provider, model, "
        "requested_at, status, input_tokens, cost_usd_minor_units, host, session_id) "
        "VALUES (?1, 1, 'p', 'm', ?2, 'success', 5, ?3, 'chatgpt.com', "
        "iif(?1 % 4 = 0, NULL, 's-' || ?1 % 7))");
    insert.bind(1, std::to_string(number));
    insert.bind(2, time);
    number % 3 == 0 ? insert.bind(3) : insert.bind(3, number);
    insert.exec();
}

std::string time_text(std::int64_t second) {
    return to_iso8601(UtcTime(std::chrono::seconds(1'800'000'000 + second)));
}

}  // namespace

TEST_CASE("roll-ups: a new file is covered, and a row is in its hour and its day") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto call = make_call(1);
    call.client.tool = "codex";
    write_calls(file, {call});
    CHECK(query_text(file, "SELECT covered_from FROM usage_cover").empty());
    CHECK(query_text(
              file,
              "SELECT half_hour || ' ' || requests || ' ' || input_tokens || ' ' || cost_nanousd "
              "|| ' ' || latency_us || ' ' || tool || ' ' || billing FROM usage_half_hours JOIN "
              "usage_keys ON id = key_id") == "2027-01-15T08 1 100 1234567 12500 codex metered");
    // Today is not over, nor its month; when they are they get a row.
    auto database = open(file);
    const auto seal = [&](const char* now) {
        while (store::fill_rollups(database, 100, *parse_iso8601(now))) continue;
        return query_text(file, "SELECT days_to || ' ' || months_to FROM usage_cover");
    };
    CHECK(seal("2027-01-15T23:59:59Z") == " ");
    CHECK(seal("2027-01-16T00:00:00Z") == "2027-01-16 2027-01");
    CHECK(query_text(file, "SELECT day || ' ' || requests FROM usage_days") == "2027-01-15 1");
    CHECK(query_number(file, "SELECT count(*) FROM usage_months") == 0);
    auto next = make_call(2);
    next.requested_at += std::chrono::hours(24 * 31);
    write_calls(file, {next});
    CHECK(seal("2027-02-20T00:00:00Z") == "2027-02-20 2027-02");
    CHECK(query_text(file, "SELECT month || ' ' || requests FROM usage_months") == "2027-01 1");
    CHECK(query_number(file, "SELECT count(*) FROM usage_days") == 2);
    CHECK(difference(file).empty());
    // The same call again, after a commit whose outcome was not known, counts once.
    write_calls(file, {call});
    CHECK(query_number(file, "SELECT sum(requests) FROM usage_half_hours") == 2);
    CHECK(query_number(file, "SELECT sum(requests) FROM usage_days") == 2);
    CHECK(difference(file).empty());
}

TEST_CASE("roll-ups: equal to the raw sums through new prices, merges, deletions and late rows") {
    for (const std::uint32_t seed : {1u, 2u, 3u}) {
        Dice dice(seed);
        const test::TempDirectory directory;
        const auto file = directory / "db.sqlite";
        std::uint64_t number = 1;
        write_calls(file, random_calls(dice, number, 400));
        number += 400;
        REQUIRE(query_number(file, "SELECT sum(requests) FROM usage_half_hours") == 400);
        for (int round = 0; round < 12; ++round) {
            const auto what = dice.below(8);
            INFO("seed " << seed << " round " << round << " act " << what);
            if (what == 0) {
                write_calls(file, random_calls(dice, number, 60));
                number += 60;
            } else if (what == 1) {
                const auto price = dice.below(9'000'000) + 1;
                const auto prices = meter::PriceBook::parse(
                    fmt::format("{{\"format\":1,\"date\":\"2027-01-01\"}}\n"
                                R"({{"provider":"anthropic","model":"claude-test-1","rates":)"
                                R"({{"input":{},"output":{}}}}})",
                                price, price * 5));
                REQUIRE(prices);
                const UtcTime far_future{std::chrono::hours(24 * 365 * 200)};
                const auto done = store::reprice(file, {UtcTime{}, far_future, true}, *prices);
                REQUIRE(done);
                CHECK(done->changed > 0);
            } else if (what == 2) {
                // Somebody is gone already when it was merged before.
                const auto from = dice.one_of(test::random_projects);
                const auto into = dice.one_of(test::random_projects);
                const auto done = store::merge_projects(file, from, into);
                if (done)
                    CHECK(query_number(file,
                                       "SELECT count(*) FROM usage_keys WHERE project_id NOT IN "
                                       "(SELECT id FROM projects)") == 0);
            } else if (what == 3) {
                auto database = open(file);
                database.exec(
                    fmt::format("DELETE FROM requests WHERE rowid % 11 = {}", dice.below(11)));
            } else if (what == 4) {
                auto database = open(file);
                database.exec(fmt::format(
                    "UPDATE requests SET cost_nanousd = NULL, cost_usd_minor_units = rowid, "
                    "status = 'blocked', latency_ms = NULL WHERE rowid % 13 = {}",
                    dice.below(13)));
                database.exec(fmt::format(
                    "UPDATE requests SET model = 'renamed', client_tool = NULL, billing_mode = "
                    "NULL, session_id = 's-9', host = 'chatgpt.com', requested_at = "
                    "'2027-01-16T00:00:00.000000Z' "
                    "WHERE rowid % 17 = {}",
                    dice.below(17)));
                database.exec("UPDATE requests SET cost_nanousd = 2 * cost_nanousd");
            } else if (what == 5) {
                auto database = open(file);
                SQLite::Transaction undone(database);
                database.exec("DELETE FROM requests WHERE rowid % 2 = 0");
                CHECK(difference(database).empty());
            } else if (what == 6) {
                // Days and months go by, also those of a clock that runs ahead.
                auto database = open(file);
                const UtcTime now(std::chrono::seconds(1'800'000'000 + dice.below(60 * 86'400)));
                while (store::fill_rollups(database, 100, now)) continue;
                CHECK_FALSE(query_text(file, "SELECT days_to FROM usage_cover").empty());
            } else {
                CHECK((store::rename_project(file, dice.one_of(test::random_projects), "renamed") ||
                       number > 0));
                CHECK((store::rename_project(file, "renamed", dice.one_of(test::random_projects)) ||
                       number > 0));
            }
            CHECK(difference(file) == "");
        }
        auto database = open(file);
        database.exec("DELETE FROM requests");
        CHECK(query_number(file, "SELECT count(*) FROM usage_half_hours") == 0);
        CHECK(query_number(file, "SELECT count(*) FROM usage_days") == 0);
        CHECK(query_number(file, "SELECT count(*) FROM usage_months") == 0);
        CHECK(query_number(file, "SELECT count(*) FROM usage_sessions") == 0);
    }
}

TEST_CASE("roll-ups: what was there before is filled in, in steps, beside what goes on") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    migrate_to(file, store::rollup_schema_number - 1);
    {
        auto database = open(file);
        SQLite::Transaction transaction(database);
        for (std::int64_t i = 0; i < 1'000; ++i) insert_by_hand(database, i, time_text(i * 311));
        insert_by_hand(database, 5'000, "");
        insert_by_hand(database, 5'001, "2097-01-01T00:00:00.000000Z");
        transaction.commit();
    }
    migrate_to(file, store::migrations().back().number);
    auto database = open(file);
    CHECK(query_number(file, "SELECT count(*) FROM usage_half_hours") == 0);
    CHECK(difference(database).empty());
    Dice dice(7);
    int steps = 0;
    std::uint64_t number = 1;
    std::string mark = query_text(file, "SELECT covered_from FROM usage_cover");
    CHECK(mark == "2097-01-01T00~");
    const UtcTime now = *parse_iso8601("2027-02-01T12:00:00Z");
    while (store::fill_rollups(database, 50, now)) {
        ++steps;
        const auto next = query_text(file, "SELECT covered_from FROM usage_cover");
        REQUIRE((next < mark || next.empty()));
        mark = next;
        INFO(steps << ' ' << mark);
        // Before and behind the mark.
        insert_by_hand(database, 10'000 + steps, time_text(dice.below(311'000)));
        database.exec(fmt::format("DELETE FROM requests WHERE id = '{}'", dice.below(1'000)));
        database.exec(fmt::format(
            "UPDATE requests SET cost_usd_minor_units = 77, requested_at = '{}' WHERE id = '{}'",
            time_text(dice.below(311'000)), dice.below(1'000)));
        if (steps % 3 == 0) {
            write_calls(file, random_calls(dice, number, 20));
            number += 20;
        }
        if (steps % 5 == 0) database.exec("VACUUM");
        CHECK(difference(database) == "");
    }
    CHECK(steps >= 12);
    CHECK(query_text(file, "SELECT covered_from FROM usage_cover").empty());
    CHECK(difference(database).empty());
    CHECK(query_number(file, "SELECT sum(requests) FROM usage_half_hours") ==
          query_number(file, "SELECT count(*) FROM requests"));
    CHECK(query_text(file, "SELECT days_to FROM usage_cover") == "2027-02-01");
    CHECK(query_text(file, "SELECT months_to FROM usage_cover") == "2027-02");
    CHECK_FALSE(store::fill_rollups(database, 50, now));
}

TEST_CASE("roll-ups: what is added up at a commit, and what is taken back before it") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    Dice dice(5);
    write_calls(file, random_calls(dice, 1, 50));
    store::RowWriter writer(file);
    writer.begin();
    for (const auto& call : random_calls(dice, 100, 50)) writer.write(call);
    // For nobody else, and not for long.
    CHECK(query_text(file, "SELECT covered_from FROM usage_cover").empty());
    writer.roll_back();
    CHECK(difference(file).empty());
    CHECK(query_number(file, "SELECT sum(requests) FROM usage_half_hours") == 50);
    writer.begin();
    for (const auto& call : random_calls(dice, 200, 50)) writer.write(call);
    auto refused = make_call(900);
    refused.provider_cost = NanoUsd{1};
    writer.database().exec("CREATE TEMP TRIGGER refuses BEFORE INSERT ON requests WHEN NEW.id = '" +
                           refused.id + "' BEGIN SELECT RAISE(ABORT, 'not this one'); END");
    CHECK_THROWS_AS(writer.write(refused), SQLite::Exception);
    writer.commit();
    CHECK(query_number(file, "SELECT sum(requests) FROM usage_half_hours") == 100);
    CHECK(difference(file).empty());
    // Nothing at all, and what is there already.
    writer.begin();
    writer.commit();
    CHECK(difference(file).empty());
    // A daemon that was killed.
    {
        store::RowWriter killed(file);
        killed.begin();
        killed.write(make_call(901));
    }
    CHECK(query_text(file, "SELECT covered_from FROM usage_cover").empty());
    // Sums that no 64 bits hold do not hold up the rows.
    auto dear = make_call(902);
    dear.cost = NanoUsd{std::numeric_limits<std::int64_t>::max() - 10};
    auto dear_too = make_call(903);
    dear_too.cost = dear.cost;
    writer.begin();
    writer.write(dear);
    writer.write(dear_too);
    writer.commit();
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 102);
    CHECK(query_number(file, "SELECT sum(requests) FROM usage_half_hours") == 102);
    CHECK(query_text(file, "SELECT covered_from FROM usage_cover").empty());
}

TEST_CASE("roll-ups: a writer of any kind keeps them, whatever its statement says of conflicts") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    migrate_to(file, store::migrations().back().number);
    auto database = open(file);
    for (std::int64_t i = 0; i < 20; ++i) {
        insert_by_hand(database, i, time_text(i));
        insert_by_hand(database, i, time_text(i));
    }
    database.exec(
        "INSERT INTO requests (id, project_id, provider, model, requested_at, status) "
        "VALUES ('x', 1, 'p', 'm', 'no time at all', 'success') ON CONFLICT (id) DO NOTHING");
    // A row that is refused leaves nothing.
    CHECK_THROWS_AS(
        database.exec("INSERT INTO requests (id, project_id, provider, model, requested_at, status)"
                      " VALUES ('y', 99, 'p', 'm', '', 'success')"),
        SQLite::Exception);
    CHECK(query_number(file, "SELECT sum(requests) FROM usage_half_hours") == 21);
    CHECK(difference(file).empty());
}
