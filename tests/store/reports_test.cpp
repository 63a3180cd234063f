#include "store/reports.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <SQLiteCpp/Transaction.h>

#include "store/calls.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using store::ReportQuery;
using store::RowWriter;
using test::make_call;

namespace {

const UtcTime epoch{};
const UtcTime far_future{std::chrono::hours(24 * 365 * 200)};
const ReportQuery everything{epoch, far_future, std::nullopt};

void write(const std::filesystem::path& file, const std::vector<meter::CallRecord>& calls) {
    RowWriter writer(file);
    writer.begin();
    for (const auto& call : calls) writer.write(call);
    writer.commit();
}

}  // namespace

TEST_CASE("reports: no file, an empty file, a file that is none") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    CHECK(store::read_report(file, everything).error().kind == ErrorKind::not_found);
    CHECK(store::read_database_facts(file).error().kind == ErrorKind::not_found);
    CHECK(store::count_requests(file, epoch, far_future).error().kind == ErrorKind::not_found);
    test::write_text(file, "");
    CHECK(store::read_report(file, everything).value().totals.requests == 0);
    CHECK(store::read_database_facts(file).value().schema_number == 0);
    test::write_text(file, std::string(5000, 'x'));
    const auto failed = store::read_report(file, everything);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().kind == ErrorKind::io);
    CHECK(failed.error().context.find(file.string()) != std::string::npos);
}

TEST_CASE("reports: the period is from inclusive, to exclusive") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    write(file, {make_call(1), make_call(2), make_call(3)});
    const auto from = make_call(1).requested_at;
    const auto to = make_call(3).requested_at;
    CHECK(store::read_report(file, {from, to, std::nullopt}).value().totals.requests == 2);
    CHECK(store::count_requests(file, from, to).value() == 2);
    CHECK(store::read_report(file, {to, from, std::nullopt}).value().totals.requests == 0);
}

TEST_CASE("reports: groups are sorted by cost, then name, and can be narrowed to a project") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<meter::CallRecord> calls;
    struct Row {
        const char* project;
        const char* model;
        std::int64_t cost;
    };
    for (const Row& row : {Row{"b", "small", 5}, {"a", "small", 5}, {"c", "large", 100}}) {
        auto call = make_call(calls.size());
        call.project_slug = row.project;
        call.model = row.model;
        call.cost = NanoUsd{row.cost};
        calls.push_back(call);
    }
    auto same_name = make_call(7);
    same_name.provider = "openai";
    same_name.model = "small";
    same_name.project_slug = "a";
    same_name.cost.reset();
    calls.push_back(same_name);
    write(file, calls);

    const auto report = store::read_report(file, everything).value();
    REQUIRE(report.by_project.size() == 3);
    CHECK(report.by_project[0].name == "c");
    CHECK(report.by_project[1].name == "a");
    CHECK(report.by_project[1].requests == 2);
    CHECK(report.by_project[1].unpriced_requests == 1);
    CHECK(report.by_project[2].name == "b");
    REQUIRE(report.by_model.size() == 3);
    CHECK(report.by_model[0].name == "large");
    CHECK(report.by_model[1].provider == "anthropic");
    CHECK(report.by_model[2].provider == "openai");
    CHECK(report.totals.cost.value == 110);

    const auto narrow = store::read_report(file, {epoch, far_future, "a"}).value();
    CHECK(narrow.totals.requests == 2);
    CHECK(narrow.totals.cost.value == 5);
    CHECK(store::read_report(file, {epoch, far_future, "none"}).value().totals.requests == 0);
}

TEST_CASE("reports: p95 is the nearest rank, the mean is over all with a latency") {
    const test::TempDirectory directory;
    struct Case {
        int count;
        double p95;
    };
    for (const Case& each : {Case{1, 1}, {2, 2}, {19, 19}, {20, 19}, {21, 20}, {100, 95}}) {
        const auto file = directory / fmt::format("{}.sqlite", each.count);
        std::vector<meter::CallRecord> calls;
        for (int i = each.count; i >= 1; --i) {
            calls.push_back(make_call(static_cast<std::uint64_t>(i)));
            calls.back().latency_ms = i;
        }
        write(file, calls);
        const auto report = store::read_report(file, everything).value();
        INFO(each.count);
        CHECK(report.totals.p95_latency_ms == each.p95);
        CHECK(report.totals.avg_latency_ms == (each.count + 1) / 2.0);
        CHECK(report.by_project[0].p95_latency_ms == each.p95);
        CHECK(report.by_model[0].p95_latency_ms == each.p95);
    }
}

TEST_CASE("reports: an older schema reads with what it has") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    {
        SQLite::Database old(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        old.exec("CREATE TABLE projects (id INTEGER PRIMARY KEY, slug TEXT)");
        old.exec(
            "CREATE TABLE requests (id TEXT, project_id INTEGER, provider TEXT, model TEXT, "
            "input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, "
            "cost_usd_minor_units INTEGER, requested_at TEXT, status TEXT)");
        old.exec("INSERT INTO projects VALUES (1, 'old')");
        old.exec(
            "INSERT INTO requests VALUES ('a', 1, 'openai', 'm', 10, 2, 4, 123, "
            "'2026-04-01T00:00:00.000000Z', 'success'), ('b', 1, 'openai', 'm', 1, 1, 0, "
            "NULL, '2026-04-01T00:00:01.000000Z', 'error')");
    }
    const auto report = store::read_report(file, everything).value();
    CHECK(report.totals.requests == 2);
    CHECK(report.totals.input_tokens == 11);
    CHECK(report.totals.cache_read_tokens == 4);
    CHECK(report.totals.cost.value == 1'230'000);
    CHECK(report.totals.unpriced_requests == 1);
    CHECK(report.totals.incomplete_requests == 0);
    CHECK(report.totals.error_requests == 1);
    CHECK_FALSE(report.totals.p95_latency_ms.has_value());
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
    CHECK(store::read_report(file, everything).value().totals.requests == 1);
    writer.commit();
    CHECK(store::read_report(file, everything).value().totals.requests == 2);
    const auto facts = store::read_database_facts(file).value();
    CHECK(facts.request_count == 2);
    CHECK(facts.newest_request_at == make_call(2).requested_at);
    CHECK(facts.schema_number == facts.known_schema_number);
    CHECK(facts.file_bytes > 4096);
}

TEST_CASE("reports: a copy is read where nothing may be written") {
    const test::TempDirectory directory;
    const auto folder = directory / "has ? and % in it";
    std::filesystem::create_directory(folder);
    const auto file = folder / "db.sqlite";
    write(file, {make_call(1)});
    REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
    REQUIRE(::chmod(folder.c_str(), 0555) == 0);
    REQUIRE(::chmod(file.c_str(), 0444) == 0);
    const int child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // Permissions do not bind root, so the reader becomes somebody else.
        if (::getuid() == 0 && ::setuid(65'534) != 0) ::_exit(1);
        const auto report = store::read_report(file, everything);
        ::_exit(report && report->totals.requests == 1 ? 0 : 2);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    REQUIRE(::chmod(folder.c_str(), 0755) == 0);
}

TEST_CASE("reports: what a subscription covers is no spend") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto metered = make_call(1);
    metered.cost = NanoUsd{100};
    metered.cost_state = meter::CostState::estimated;
    auto plan = make_call(2);
    plan.billing = meter::BillingMode::plan;
    plan.cost = NanoUsd{1'000};
    auto unpriced = make_call(3);
    unpriced.billing = meter::BillingMode::plan;
    unpriced.cost.reset();
    unpriced.project_slug = "plan-only";
    write(file, {metered, plan, unpriced});
    const auto report = store::read_report(file, everything).value();
    CHECK(report.totals.requests == 3);
    CHECK(report.totals.cost.value == 100);
    CHECK(report.totals.plan_requests == 2);
    CHECK(report.totals.plan_cost.value == 1'000);
    CHECK(report.totals.unpriced_requests == 1);
    CHECK(report.totals.plan_unpriced_requests == 1);
    CHECK(report.totals.estimated_requests == 1);
    CHECK_FALSE(report.totals.is_unknown_cost());
    REQUIRE(report.by_project.size() == 2);
    CHECK(report.by_project[0].name == "shop");
    CHECK(report.by_project[1].plan_requests == 1);
    CHECK_FALSE(report.by_project[1].is_unknown_cost());
    // Rows from before the column: told by their host.
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    database.exec("UPDATE requests SET billing_mode = NULL");
    CHECK(store::read_report(file, everything).value().totals.plan_requests == 0);
    database.exec("UPDATE requests SET host = 'chatgpt.com' WHERE cost_nanousd = 100");
    CHECK(store::read_report(file, everything).value().totals.plan_cost.value == 100);
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
    write(file, {call, unknown, uncounted});
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
    {
        RowWriter writer(file);
        writer.begin();
        for (const auto& call : calls) writer.write(call);
        writer.commit();
        writer.checkpoint();
    }
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
