#include "store/row_writer.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "store/calls.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using store::RowWriter;
using store::Trouble;
using test::make_call;
using test::query_number;
using test::query_text;

namespace {

void write(RowWriter& writer, const meter::CallRecord& call) {
    writer.begin();
    writer.write(call);
    writer.commit();
}

Trouble trouble_of(int code) { return store::sort_trouble(SQLite::Exception("x", code)); }

}  // namespace

TEST_CASE("row writer: every field lands in its column") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto call = make_call(1);
    call.requested_model = "claude-test";
    call.kind = meter::RequestKind::embedding;
    call.mode = "streaming";
    call.usage = {11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
    call.service_tier = "priority";
    call.time_to_first_byte_ms = 3.25;
    call.http_status = 529;
    call.status = "error";
    call.tokens_complete = false;
    call.error = meter::CallError{meter::ErrorClass::server_error, "overloaded_error", true,
                                  std::string(64, 'a')};
    call.provider_request_id = "req_1";
    call.user_agent = "tool/1";
    call.source_workdir = "/home/me/shop";
    RowWriter writer(file);
    write(writer, call);
    const auto row = query_text(
        file,
        "SELECT group_concat(v, '|') FROM (SELECT r.id || '|' || p.slug || '|' || provider || '|' "
        "|| model || '|' || requested_model || '|' || mode || '|' || request_kind || '|' || "
        "input_tokens || '|' || output_tokens || '|' || thinking_tokens || '|' || "
        "cache_read_tokens || '|' || cache_write_tokens || '|' || cache_write_1h_tokens || '|' || "
        "audio_input_tokens || '|' || audio_output_tokens || '|' || image_input_tokens || '|' || "
        "image_output_tokens || '|' || tool_input_tokens || '|' || audio_input_ms || '|' || "
        "web_search_count AS v "
        "FROM requests r JOIN projects p ON p.id = r.project_id)");
    CHECK(row ==
          "00000000-0000-4000-8000-000000000001|shop|anthropic|claude-test-1|claude-test|"
          "streaming|embedding|11|12|13|14|15|16|17|18|19|20|21|22|23");
    CHECK(query_text(file,
                     "SELECT cost_usd_minor_units || '|' || cost_nanousd || '|' || "
                     "cost_state || '|' || rates_source || '|' || service_tier || '|' || "
                     "latency_ms || '|' || time_to_first_byte_ms || '|' || "
                     "tokens_complete || '|' || has_usage FROM requests") ==
          "123|1234567|exact|bundled-2026-08-21|priority|12.5|3.25|0|1");
    CHECK(query_text(file,
                     "SELECT requested_at || '|' || status || '|' || error_class || '|' || "
                     "provider_error_code || '|' || http_status || '|' || retryable || '|' "
                     "|| length(error_message_hash) FROM requests") ==
          "2027-01-15T08:00:01.000000Z|error|server_error|overloaded_error|529|1|64");
    CHECK(query_text(file,
                     "SELECT method || '|' || host || '|' || path || '|' || "
                     "provider_request_id || '|' || user_agent || '|' || attribution_layer "
                     "|| '|' || source_workdir FROM requests") ==
          "POST|api.anthropic.com|/v1/messages|req_1|tool/1|git|/home/me/shop");
    CHECK(query_text(file,
                     "SELECT group_concat(DISTINCT typeof(requested_at) || typeof(id) || "
                     "typeof(model) || typeof(request_kind) || typeof(error_class)) FROM "
                     "requests") == "texttexttexttexttext");
    CHECK(writer.read_newest_row_us() == call.requested_at.time_since_epoch().count());
}

TEST_CASE("row writer: absent values are NULL, and free is not unknown") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    CHECK(writer.read_newest_row_us() == 0);
    auto call = make_call(1);
    call.cost.reset();
    call.rates_source.clear();
    call.http_status = 0;
    call.project_slug = "a";
    write(writer, call);
    call = make_call(2);
    call.cost = NanoUsd{0};
    write(writer, call);
    CHECK(query_number(file,
                       "SELECT count(*) FROM requests WHERE cost_usd_minor_units IS NULL AND "
                       "cost_nanousd IS NULL AND rates_source IS NULL AND http_status IS "
                       "NULL AND error_class IS NULL AND retryable IS NULL AND fx_rate IS "
                       "NULL AND synced_at IS NULL AND service_tier IS NULL") == 1);
    CHECK(query_number(file,
                       "SELECT count(*) FROM requests WHERE cost_usd_minor_units = 0 AND "
                       "cost_nanousd = 0") == 1);
}

TEST_CASE("row writer: the file is for its owner only and in WAL mode") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    write(writer, make_call(1));
    for (const char* suffix : {"", "-wal", "-shm"}) {
        struct stat facts {};
        REQUIRE(::stat((file.string() + suffix).c_str(), &facts) == 0);
        CHECK((facts.st_mode & 0777) == 0600);
    }
    CHECK(query_text(file, "PRAGMA journal_mode") == "wal");
    CHECK(std::filesystem::file_size(file.string() + "-wal") > 0);
    writer.checkpoint();
    CHECK(std::filesystem::file_size(file.string() + "-wal") == 0);
}

TEST_CASE("row writer: the same call twice is one row") {
    const test::TempDirectory directory;
    RowWriter writer(directory / "db.sqlite");
    write(writer, make_call(1));
    write(writer, make_call(1));
    CHECK(query_number(directory / "db.sqlite", "SELECT count(*) FROM requests") == 1);
}

TEST_CASE("row writer: rolling back forgets the projects of that transaction") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    writer.begin();
    writer.write(make_call(1));
    writer.roll_back();
    writer.roll_back();  // nothing open any more
    CHECK(query_number(file, "SELECT count(*) FROM projects") == 0);
    write(writer, make_call(1));
    CHECK(query_number(file,
                       "SELECT count(*) FROM requests JOIN projects p ON p.id = project_id "
                       "WHERE p.slug = 'shop'") == 1);
}

TEST_CASE("row writer: a project that was deleted by hand is made again") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    write(writer, make_call(1));
    {
        SQLite::Database other(file.string(), SQLite::OPEN_READWRITE, 5000);
        other.exec("DELETE FROM requests");
        other.exec("DELETE FROM projects");
        other.exec("INSERT INTO projects (id, slug, name, created_at) VALUES (50, 'x', 'x', '')");
    }
    write(writer, make_call(2));
    CHECK(query_text(file, "SELECT p.slug FROM requests JOIN projects p ON p.id = project_id") ==
          "shop");
}

TEST_CASE("row writer: slugs and texts are values, never SQL") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    auto call = make_call(1);
    call.model = "'); DROP TABLE requests; --";
    call.path = std::string("/a\0b", 4);
    write(writer, call);
    CHECK(query_text(file, "SELECT model FROM requests") == call.model);
}

TEST_CASE("row writer: a moved or deleted file is noticed") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    write(writer, make_call(1));
    CHECK_FALSE(writer.has_moved());
    std::filesystem::rename(file, directory / "elsewhere");
    CHECK(writer.has_moved());
}

TEST_CASE("row writer: a newer file takes our rows as long as it has our columns") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    { RowWriter first(file); }
    {
        SQLite::Database future(file.string(), SQLite::OPEN_READWRITE);
        future.exec("ALTER TABLE requests ADD COLUMN of_the_future TEXT");
        future.exec("INSERT INTO _migrations VALUES (99, 'future', '')");
    }
    RowWriter writer(file);
    CHECK(writer.is_newer_schema());
    write(writer, make_call(1));
    CHECK(query_number(file, "SELECT count(*) FROM requests WHERE of_the_future IS NULL") == 1);
}

TEST_CASE("row writer: what a failure asks for") {
    CHECK(trouble_of(SQLITE_BUSY) == Trouble::locked);
    CHECK(trouble_of(SQLITE_BUSY | (2 << 8)) == Trouble::locked);
    CHECK(trouble_of(SQLITE_LOCKED) == Trouble::locked);
    CHECK(trouble_of(SQLITE_FULL) == Trouble::disk);
    CHECK(trouble_of(SQLITE_READONLY) == Trouble::disk);
    CHECK(trouble_of(SQLITE_READONLY_DBMOVED) == Trouble::disk);
    CHECK(trouble_of(SQLITE_IOERR_WRITE) == Trouble::disk);
    CHECK(trouble_of(SQLITE_CANTOPEN) == Trouble::disk);
    CHECK(trouble_of(SQLITE_NOMEM) == Trouble::disk);
    CHECK(trouble_of(SQLITE_CORRUPT_INDEX) == Trouble::corrupt);
    CHECK(trouble_of(SQLITE_NOTADB) == Trouble::corrupt);
    CHECK(trouble_of(SQLITE_CONSTRAINT_NOTNULL) == Trouble::row);
    CHECK(trouble_of(SQLITE_TOOBIG) == Trouble::row);
    CHECK(trouble_of(SQLITE_ERROR) == Trouble::schema);
}

TEST_CASE("row writer: what a price needs lands in its columns") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto call = make_call(1);
    call.usage.input_includes_cache = true;
    call.usage.output_includes_reasoning = false;
    call.usage.query_count = 31;
    call.usage.page_count = 32;
    call.usage.image_count = 33;
    call.usage.character_count = 34;
    call.billing = meter::BillingMode::plan;
    call.price_id = "anthropic/claude-test-1";
    call.price_date = "2026-08-21";
    call.provider_cost = NanoUsd{35};
    call.speed = "fast";
    call.region = "us";
    call.has_unpriced_part = true;
    call.sub_calls.resize(1);
    call.sub_calls[0].usage.input = 9;
    call.retry_count = 2;
    call.client_request_id = "mine";
    call.is_provider_cost_reckoned = true;
    RowWriter writer(file);
    write(writer, call);
    CHECK(query_text(file,
                     "SELECT input_includes_cache || '|' || reasoning_on_top || '|' || query_count "
                     "|| '|' || page_count || '|' || image_count || '|' || character_count || '|' "
                     "|| billing_mode || '|' || price_id || '|' || price_date || '|' || "
                     "provider_cost_nanousd || '|' || speed || '|' || region || '|' || "
                     "unpriced_part || '|' || sub_calls || '|' || retry_count || '|' || "
                     "client_request_id || '|' || provider_cost_reckoned FROM requests") ==
          "1|1|31|32|33|34|plan|anthropic/claude-test-1|2026-08-21|35|fast|us|1|"
          "[{\"model\":\"\",\"input\":9}]|2|mine|1");
    // A lifetime of cache writes that was told to be nothing is 0, one that was not told is NULL.
    CHECK(query_number(file, "SELECT cache_write_1h_tokens IS NULL FROM requests") == 1);
    call = make_call(2);
    call.usage.has_cache_write_split = true;
    write(writer, call);
    CHECK(query_number(file,
                       "SELECT count(*) FROM requests WHERE cache_write_1h_tokens = 0 AND "
                       "billing_mode = 'metered' AND retry_count IS NULL AND sub_calls IS NULL AND "
                       "provider_cost_nanousd IS NULL AND unpriced_part IS NULL") == 1);
}

TEST_CASE("row writer: of a plan's limits the latest stay, and not too many") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    const auto limits = [&] {
        return query_text(file,
                          "SELECT group_concat(name || ' ' || coalesce(used_fraction, '-') || "
                          "' ' || coalesce(plan, '-') || ' ' || coalesce(status, '-') || ' ' || "
                          "coalesce(resets_at, '-') || ' ' || coalesce(window_minutes, '-'), "
                          "'; ') FROM (SELECT * FROM plan_limits ORDER BY name)");
    };
    auto call = make_call(5);
    call.plan_limits = {
        {"5h", "max", "allowed", 0.25, UtcTime(std::chrono::seconds(1'800'000'000)), 300},
        {"7d", "", "", std::nullopt, std::nullopt, 0}};
    write(writer, call);
    CHECK(limits() == "5h 0.25 max allowed 2027-01-15T08:00:00.000000Z 300; 7d - - - - -");
    // An older call that ends later says nothing new; a newer one replaces what it tells.
    call = make_call(4);
    call.plan_limits = {{"5h", "", "rejected", 0.9, std::nullopt, 0}};
    write(writer, call);
    CHECK(limits().starts_with("5h 0.25"));
    call = make_call(6);
    call.plan_limits = {{"5h", "", "allowed_warning", 0.9, std::nullopt, 0}};
    write(writer, call);
    CHECK(limits().starts_with("5h 0.9 max allowed_warning - 300;"));
    CHECK(query_text(file, "SELECT observed_at FROM plan_limits WHERE name = '5h'") ==
          "2027-01-15T08:00:06.000000Z");

    for (int i = 0; i < 40; ++i) {
        call = make_call(static_cast<std::uint64_t>(100 + i));
        for (int k = 0; k < 16; ++k)
            call.plan_limits.push_back({fmt::format("{}-{}", i, k), "", "x", 0.5, std::nullopt, 0});
        write(writer, call);
    }
    CHECK(query_number(file, "SELECT count(*) FROM plan_limits") == 200);
    CHECK(query_number(file, "SELECT count(*) FROM plan_limits WHERE name = '39-15'") == 1);
    CHECK(query_number(file, "SELECT count(*) FROM plan_limits WHERE name = '5h'") == 0);
}
