#include "store/reports.h"

#include "store/calls.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using store::RowWriter;
using test::make_call;
using test::write_calls;

namespace {

const UtcTime epoch{};

}  // namespace

TEST_CASE("reports: no file, an empty file, a file that is none") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    CHECK(store::read_database_facts(file).error().kind == ErrorKind::not_found);
    test::write_text(file, "");
    const auto facts = store::read_database_facts(file).value();
    CHECK(facts.schema_number == 0);
    CHECK(facts.request_count == 0);
    test::write_text(file, std::string(5000, 'x'));
    const auto failed = store::read_database_facts(file);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().kind == ErrorKind::io);
    CHECK(failed.error().context.find(file.string()) != std::string::npos);
}

TEST_CASE("reports: the facts of an older file") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    test::write_oldest(file);
    const auto facts = store::read_database_facts(file).value();
    CHECK(facts.schema_number == 0);
    CHECK(facts.request_count == 2);
}

TEST_CASE("reports: a running writer is no hindrance") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    writer.begin();
    writer.write(make_call(1));
    writer.commit();
    writer.begin();
    writer.write(make_call(2));
    CHECK(store::read_database_facts(file).value().request_count == 1);
    writer.commit();
    const auto facts = store::read_database_facts(file).value();
    CHECK(facts.request_count == 2);
    CHECK(facts.newest_request_at == make_call(2).requested_at);
    CHECK(facts.schema_number == facts.known_schema_number);
    CHECK(facts.file_bytes > 4096);
}

TEST_CASE("reports: limits of plans, and models without a price") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    CHECK(store::read_plan_limits(file).error().kind == ErrorKind::not_found);
    auto call = make_call(1);
    call.plan_limits = {{"7d", "max", "allowed", 0.5, call.requested_at, 10'080},
                        {"5h", "", "", std::nullopt, std::nullopt, 0}};
    auto unknown = make_call(2);
    unknown.cost.reset();
    unknown.model = "claude-of-tomorrow";
    auto uncounted = make_call(3);
    uncounted.cost.reset();
    uncounted.has_usage = false;
    write_calls(file, {call, unknown, uncounted});
    const auto limits = store::read_plan_limits(file).value();
    REQUIRE(limits.size() == 2);
    CHECK(limits[0].name == "5h");
    CHECK_FALSE(limits[0].used_fraction);
    CHECK_FALSE(limits[0].resets_at);
    CHECK(limits[1].provider == "anthropic");
    CHECK(limits[1].plan == "max");
    CHECK(limits[1].status == "allowed");
    CHECK(limits[1].used_fraction == 0.5);
    CHECK(limits[1].resets_at == call.requested_at);
    CHECK(limits[1].window_minutes == 10'080);
    CHECK(limits[1].observed_at == call.requested_at);
    const auto models = store::read_unpriced_models(file, epoch).value();
    REQUIRE(models.size() == 1);
    CHECK(models[0].provider == "anthropic");
    CHECK(models[0].model == "claude-of-tomorrow");
    CHECK(models[0].requests == 1);
    CHECK(store::read_unpriced_models(file, make_call(3).requested_at).value().empty());
    // A file of the first version has neither.
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    database.exec("DROP TABLE plan_limits");
    CHECK(store::read_plan_limits(file).value().empty());
}

TEST_CASE("reports: a sound file has no complaint, a damaged one has") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    constexpr std::chrono::seconds patient{30};
    CHECK(store::check_database(file, patient).error().kind == ErrorKind::not_found);
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 0; i < 400; ++i) calls.push_back(make_call(i));
    write_calls(file, calls);
    RowWriter(file).checkpoint();
    CHECK(store::check_database(file, patient).value().empty());
    CHECK(store::check_database(file, std::chrono::milliseconds(0)).value().empty());
    auto bytes = test::read_text(file);
    const auto page_bytes = std::size_t{4096};
    REQUIRE(bytes.size() > 12 * page_bytes);
    for (std::size_t page = 8; page < 12; ++page)
        bytes.replace(page * page_bytes, 200, std::string(200, '\x5a'));
    test::write_text(file, bytes);
    const auto complaint = store::check_database(file, patient);
    if (complaint) CHECK_FALSE(complaint->empty());
    else CHECK(complaint.error().kind == ErrorKind::io);
}

TEST_CASE("reports: an older file has no counts of what was not metered") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    test::write_text(file, "");
    CHECK(store::read_unmetered(file, epoch).value().empty());
    CHECK(store::read_unmetered(directory / "none", epoch).error().kind == ErrorKind::not_found);
}
