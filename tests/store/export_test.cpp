#include "store/export.h"

#include <map>
#include <set>
#include <vector>

#include "base/limits.h"
#include "store/calls.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using test::make_call;

namespace {

const UtcTime epoch{};
const UtcTime far_future{std::chrono::hours(24 * 365 * 200)};

std::size_t index_of(std::string_view name) {
    const auto columns = store::export_columns();
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (columns[i].name == name) return i;
    FAIL("no column " << name);
    return 0;
}

std::vector<std::string> export_ids(const std::filesystem::path& file,
                                    const store::ExportQuery& query) {
    store::Reader reader(file);
    std::vector<std::string> ids;
    const auto count = store::export_rows(reader, query, [&](auto row) {
        ids.emplace_back(row[0].text);
        return true;
    });
    REQUIRE(count);
    CHECK(*count == static_cast<std::int64_t>(ids.size()));
    CHECK(store::count_export(reader, query).value() == *count);
    return ids;
}

}  // namespace

TEST_CASE("export: the columns have names once, and no null where there is none") {
    std::set<std::string_view> names;
    for (const auto& column : store::export_columns()) {
        CHECK(names.insert(column.name).second);
        CHECK_FALSE(column.meaning.empty());
        CHECK(column.meaning.find('|') == std::string_view::npos);
    }
}

TEST_CASE("export: every row of the period once, by time, across pages") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const auto count = static_cast<std::uint64_t>(limits::export_page_rows * 2 + 1);
    {
        store::RowWriter writer(file);
        writer.begin();
        for (std::uint64_t i = 0; i < count; ++i) {
            auto call = make_call(i);
            // Many of one moment: pages break between them.
            call.requested_at = make_call(i / 4000).requested_at;
            call.project_slug = i % 3 == 0 ? "a" : "b";
            writer.write(call);
        }
        writer.commit();
    }
    const auto ids = export_ids(file, {epoch, far_future, std::nullopt});
    CHECK(ids.size() == count);
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == count);
    CHECK(export_ids(file, {epoch, far_future, "a"}).size() == (count + 2) / 3);
    CHECK(export_ids(file, {epoch, far_future, "none"}).empty());
    const auto first = make_call(0).requested_at;
    CHECK(export_ids(file, {first, make_call(1).requested_at, std::nullopt}).size() == 4000);
    CHECK(export_ids(file, {epoch, first, std::nullopt}).empty());
}

TEST_CASE("export: cells are what the row says") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto call = make_call(1);
    call.requested_at += std::chrono::microseconds(123'456);
    call.time_to_first_byte_ms = 3.25;
    auto unpriced = make_call(2);
    unpriced.cost.reset();
    unpriced.tokens_complete = false;
    test::write_calls(file, {call, unpriced});
    std::vector<std::vector<store::ExportCell>> rows;
    store::Reader reader(file);
    const auto done = store::export_rows(reader, {epoch, far_future, std::nullopt}, [&](auto row) {
        rows.emplace_back(row.begin(), row.end());
        if (rows.size() == 1) {
            CHECK(row[index_of("model")].text == "claude-test-1");
            CHECK(row[index_of("project")].text == "shop");
            CHECK(row[index_of("source")].text == "wire");
        }
        return true;
    });
    REQUIRE(done);
    REQUIRE(rows.size() == 2);
    const auto cell = [&](std::size_t row, std::string_view name) {
        return rows[row][index_of(name)];
    };
    CHECK(cell(0, "requested_at").integer == call.requested_at.time_since_epoch().count());
    CHECK(cell(0, "cost_nanousd").integer == 1'234'567);
    CHECK(cell(0, "cost_usd").integer == 1'234'567);
    CHECK(cell(0, "latency_ms").real == 12.5);
    CHECK(cell(0, "time_to_first_byte_ms").real == 3.25);
    CHECK(cell(0, "tokens_complete").integer == 1);
    CHECK(cell(0, "total_input_tokens").integer == 100);
    CHECK(cell(0, "error_class").is_null);
    CHECK(cell(1, "cost_usd").is_null);
    CHECK(cell(1, "tokens_complete").integer == 0);
    CHECK_FALSE(cell(1, "tokens_complete").is_null);
}

TEST_CASE("export: no file, an older file, and one who does not want more") {
    const test::TempDirectory directory;
    store::Reader none(directory / "none.sqlite");
    CHECK(store::count_export(none, {epoch, far_future, std::nullopt}).error().kind ==
          ErrorKind::not_found);
    const auto file = directory / "old.sqlite";
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        database.exec("CREATE TABLE projects (id INTEGER PRIMARY KEY, slug TEXT)");
        database.exec(
            "CREATE TABLE requests (id TEXT PRIMARY KEY, project_id INTEGER, "
            "provider TEXT, model TEXT, requested_at TEXT, cost_usd_minor_units INTEGER)");
        database.exec(
            "INSERT INTO requests VALUES ('x', 1, 'openai', 'm', "
            "'2026-01-01T00:00:00.000000Z', 7)");
    }
    store::Reader reader(file);
    std::map<std::string, bool> is_null;
    const auto done = store::export_rows(reader, {epoch, far_future, std::nullopt}, [&](auto row) {
        for (std::size_t i = 0; i < row.size(); ++i)
            is_null[std::string(store::export_columns()[i].name)] = row[i].is_null;
        return true;
    });
    REQUIRE(done);
    CHECK(*done == 1);
    CHECK_FALSE(is_null["model"]);
    CHECK(is_null["session_id"]);
    CHECK_FALSE(is_null["source"]);
    const auto stopped =
        store::export_rows(reader, {epoch, far_future, std::nullopt}, [](auto) { return false; });
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().kind == ErrorKind::cancelled);
}
