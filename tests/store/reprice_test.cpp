#include "store/reprice.h"

#include <string>
#include <thread>

#include <SQLiteCpp/Transaction.h>

#include "base/limits.h"
#include "meter/charge.h"
#include "meter/pricing.h"
#include "store/calls.h"
#include "store/row_writer.h"
#include "store/schema.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using store::reprice;
using store::RepriceQuery;
using test::make_call;
using test::query_number;
using test::query_text;
using test::write_calls;

namespace {

const UtcTime epoch{};
const UtcTime far_future{std::chrono::hours(24 * 365 * 200)};
const RepriceQuery look{epoch, far_future, false};
const RepriceQuery apply{epoch, far_future, true};

meter::PriceBook book(const std::string& rows) {
    return *meter::PriceBook::parse("{\"format\":1,\"date\":\"2027-01-01\"}\n" + rows);
}

const std::string old_row =
    R"({"provider":"anthropic","model":"claude-test-1","rates":{"input":1000000,"output":2000000}})";
const std::string new_row =
    R"({"provider":"anthropic","model":"claude-test-1","rates":{"input":3000000,"output":2000000}})";

meter::CallRecord charged(meter::CallRecord call, const meter::PriceBook& prices) {
    meter::charge(prices, call);
    return call;
}

}  // namespace

TEST_CASE("reprice: shows first, writes when it is told to, and then has nothing left to do") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const auto old_book = book(old_row);
    const auto new_book = book(new_row);
    auto other = make_call(3);
    other.model = "claude-of-tomorrow";
    write_calls(file, {charged(make_call(1), old_book), charged(make_call(2), old_book),
                       charged(other, old_book)});

    const auto seen = reprice(file, look, new_book);
    REQUIRE(seen);
    CHECK(seen->rows == 3);
    CHECK(seen->changed == 2);
    CHECK(seen->unchanged == 1);
    // 100 in, 20 out: 140,000 before and 340,000 after.
    CHECK(seen->before.value == 2 * 140'000);
    CHECK(seen->after.value == 2 * 340'000);
    REQUIRE(seen->groups.size() == 1);
    CHECK(seen->groups[0].provider == "anthropic");
    CHECK(seen->groups[0].model == "claude-test-1");
    CHECK(seen->groups[0].changed_rows == 2);
    CHECK(query_number(file, "SELECT sum(cost_nanousd) FROM requests") == 280'000);

    const auto done = reprice(file, apply, new_book);
    REQUIRE(done);
    CHECK(done->changed == 2);
    CHECK(query_text(file,
                     "SELECT group_concat(DISTINCT cost_nanousd || '|' || cost_usd_minor_units "
                     "|| '|' || cost_state || '|' || rates_source || '|' || price_id || '|' || "
                     "price_date) FROM requests WHERE cost_nanousd IS NOT NULL") ==
          "340000|34|exact|bundled-2027-01-01|anthropic/claude-test-1|2027-01-01");
    CHECK(query_number(file, "SELECT count(*) FROM audit_events WHERE event_type = 'reprice'") ==
          1);
    const auto again = reprice(file, apply, new_book);
    CHECK(again->changed == 0);
    CHECK(again->unchanged == 3);
    CHECK(query_number(file, "SELECT count(*) FROM audit_events") == 1);
}

TEST_CASE("reprice: every number that a price needs comes back from its column") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const auto old_book = book(
        R"({"provider":"anthropic","model":"claude-test-1","rates":{"input":1000,"output":2000}})");
    std::vector<meter::CallRecord> calls;
    const auto add = [&](auto change) {
        auto call = make_call(calls.size() + 1);
        call.usage.input = 100'000;
        call.usage.cache_read = 5'000;
        call.usage.cache_write = 3'000;
        change(call);
        calls.push_back(call);
    };
    add([](auto&) {});
    add([](auto& call) { call.usage.input_includes_cache = true; });
    add([](auto& call) { call.usage.reasoning = 700; });
    add([](auto& call) {
        call.usage.reasoning = 700;
        call.usage.output_includes_reasoning = false;
    });
    add([](auto& call) { call.usage.cache_write_1h = 3'000; });
    add([](auto& call) { call.usage.has_cache_write_split = true; });
    add([](auto& call) { call.usage.audio_input = 10; });
    add([](auto& call) { call.usage.image_output = 10; });
    add([](auto& call) {
        call.usage.input_includes_cache = true;
        call.usage.audio_input = 900;
        call.usage.audio_cache_read = 400;
        call.usage.image_cache_read = call.usage.image_input = 70;
        call.usage.has_cache_modalities = true;
    });
    add([](auto& call) {
        call.usage.input_includes_cache = call.usage.has_cache_modalities = true;
        call.usage.cache_write = 0;
        call.usage.image_input = 70;
    });
    add([](auto& call) { call.usage.tool_input = 40; });
    add([](auto& call) { call.usage.web_search_count = 3; });
    add([](auto& call) { call.usage.page_count = 3; });
    add([](auto& call) { call.usage.query_count = 3; });
    add([](auto& call) { call.usage.image_count = 3; });
    add([](auto& call) { call.usage.character_count = 3; });
    add([](auto& call) { call.usage.audio_input_ms = 3500; });
    add([](auto& call) { call.kind = meter::RequestKind::embedding; });
    add([](auto& call) { call.service_tier = "batch"; });
    add([](auto& call) { call.speed = "fast"; });
    add([](auto& call) { call.region = "us"; });
    add([](auto& call) { call.has_unpriced_part = true; });
    add([](auto& call) { call.tokens_complete = false; });
    add([](auto& call) {
        call.has_usage = false;
        call.http_status = 500;
    });
    add([](auto& call) {
        call.sub_calls.resize(2);
        call.sub_calls[0].usage.input = 11;
        call.sub_calls[1].usage.cache_write_1h = call.sub_calls[1].usage.cache_write = 9;
    });
    add([](auto& call) {
        call.provider = "xai";
        call.provider_cost = NanoUsd{5};
        call.is_provider_cost_reckoned = true;
    });
    add([](auto& call) {
        call.provider = "bedrock";
        call.requested_model = "asked";
    });
    const std::string full =
        R"({"provider":"anthropic","model":"claude-test-1","rates":{"input":3000,"output":9000,)"
        R"("cache_read":300,"cache_write":3750,"cache_write_1h":6000,"audio_input":7000,"audio_cache_read":500,)"
        R"("image_output":8000},"batch":{"input":1500},"above":[{"tokens":104000,"rates":)"
        R"({"input":6000,"output":18000}}],"units":{"page":1,"query":2,"image":3,"character":4,)"
        R"("second":5},"web_search":1000,"fast_percent":600,"us_percent":110})";
    const auto new_book = book(
        full + "\n" + R"({"provider":"bedrock","model":"asked","rates":{"input":3,"output":4}})");
    std::vector<meter::CallRecord> stored;
    for (const auto& call : calls) stored.push_back(charged(call, old_book));
    write_calls(file, stored);
    REQUIRE(reprice(file, apply, new_book));
    for (const auto& call : calls) {
        const auto wanted = charged(call, new_book);
        CAPTURE(call.id);
        REQUIRE(wanted.cost);
        CHECK(query_number(file, "SELECT cost_nanousd FROM requests WHERE id = '" + call.id +
                                     "'") == wanted.cost->value);
        CHECK(query_text(file, "SELECT cost_state FROM requests WHERE id = '" + call.id + "'") ==
              name_of(wanted.cost_state));
    }
}

TEST_CASE("reprice: what it leaves as it is") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const auto old_book = book(old_row);
    auto reported = make_call(2);
    reported.provider = "xai";
    reported.provider_cost = NanoUsd{77};
    auto deferred = make_call(3);
    deferred.billing = meter::BillingMode::deferred;
    auto free = make_call(4);
    free.billing = meter::BillingMode::free;
    write_calls(file, {charged(make_call(1), old_book), charged(reported, old_book),
                       charged(deferred, old_book), charged(free, old_book)});
    // The model is gone from the list: its rows keep the price of their day.
    const auto empty_book = book(R"({"provider":"p","model":"m","rates":{"input":1}})");
    auto done = reprice(file, apply, empty_book);
    REQUIRE(done);
    CHECK(done->kept == 1);
    CHECK(done->unchanged == 3);
    CHECK(done->changed == 0);
    // Rows of the first version lack what a price needs.
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
        database.exec("UPDATE requests SET input_includes_cache = NULL, billing_mode = NULL");
    }
    done = reprice(file, apply, book(new_row));
    CHECK(done->too_old == 4);
    CHECK(query_number(file, "SELECT sum(cost_nanousd) FROM requests") == 140'000 + 77);
    // Others than the period's.
    const RepriceQuery later{make_call(3).requested_at, make_call(4).requested_at, false};
    CHECK(reprice(file, later, old_book)->rows == 1);
}

TEST_CASE("reprice: many rows of one moment, in many transactions, beside a writer") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const auto old_book = book(old_row);
    const auto new_book = book(new_row);
    constexpr std::size_t count = limits::reprice_rows_per_transaction * 3 + 17;
    std::vector<meter::CallRecord> calls;
    for (std::size_t i = 0; i < count; ++i) {
        auto call = charged(make_call(i), old_book);
        if (i % 2 == 0) call.requested_at = make_call(0).requested_at;
        calls.push_back(call);
    }
    write_calls(file, calls);
    std::thread daemon([&] {
        store::RowWriter writer(file);
        for (std::uint64_t i = 0; i < 200; ++i) {
            writer.begin();
            writer.write(charged(make_call(10'000 + i), new_book));
            writer.commit();
        }
    });
    const auto done = reprice(file, apply, new_book);
    daemon.join();
    REQUIRE(done);
    CHECK(done->changed == static_cast<std::int64_t>(count));
    CHECK(query_number(file, "SELECT count(*) FROM requests WHERE cost_nanousd = 340000") ==
          static_cast<std::int64_t>(count) + 200);
}

TEST_CASE("reprice: no file, an older one, one that is none") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const auto prices = book(new_row);
    CHECK(reprice(file, look, prices).error().kind == ErrorKind::not_found);
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        store::migrate(database, store::migrations().first(1));
    }
    CHECK(reprice(file, look, prices).error().kind == ErrorKind::unsupported);
    const auto none = directory / "none.sqlite";
    test::write_text(none, std::string(5000, 'x'));
    CHECK(reprice(none, apply, prices).error().kind == ErrorKind::io);
}
