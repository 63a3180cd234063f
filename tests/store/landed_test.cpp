#include "store/landed.h"

#include "store/calls.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using test::make_call;
using test::write_calls;

TEST_CASE("landed: in the order of landing, not of beginning") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto other = make_call(1);
    other.project_slug = "other";
    other.cost.reset();
    write_calls(file, {make_call(5), other, make_call(3)});
    store::Reader reader(file);
    auto calls = store::read_last_landed(reader, 2, std::nullopt).value();
    REQUIRE(calls.size() == 2);
    CHECK(calls[0].id == other.id);
    CHECK_FALSE(calls[0].cost);
    CHECK(calls[1].id == make_call(3).id);
    CHECK(calls[1].cost->value == 1'234'567);
    CHECK(calls[1].input_tokens == 100);
    CHECK(calls[1].latency_ms == 12.5);
    const auto seen = calls[1].row;
    CHECK(store::read_landed_after(reader, seen, std::nullopt).value().empty());
    // A call that began before all of them and ends now.
    write_calls(file, {make_call(0)});
    calls = store::read_landed_after(reader, seen, std::nullopt).value();
    REQUIRE(calls.size() == 1);
    CHECK(calls[0].id == make_call(0).id);
    CHECK(store::read_last_landed(reader, 9, "other").value().size() == 1);
    CHECK(store::read_landed_after(reader, 0, "shop").value().size() == 3);
    CHECK(store::read_last_landed(reader, 0, std::nullopt).value().empty());
}

TEST_CASE("landed: a file that is made anew begins again") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    store::Reader reader(file);
    CHECK(store::read_last_landed(reader, 1, std::nullopt).error().kind == ErrorKind::not_found);
    write_calls(file, {make_call(1)});
    CHECK(store::read_landed_after(reader, 4711, std::nullopt).value().size() == 1);
}
