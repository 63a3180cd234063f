#include "store/body_writer.h"

#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "store/bodies.h"
#include "store/calls.h"
#include "store/captures.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::store;
using test::make_bodies;
using test::make_call;
using test::query_number;
using test::query_text;

namespace {

const UtcTime now = UtcTime(std::chrono::seconds(1'800'000'000));

void write_row(RowWriter& writer, std::uint64_t number) {
    writer.begin();
    writer.write(make_call(number));
    writer.commit();
}

}  // namespace

TEST_CASE("body writer: a body lands beside its row, packed and redacted") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    write_row(writer, 1);
    const auto key = std::string("sk-") + "ant-A1b2C3d4E5f6G7h8";
    const auto packed = pack_bodies(*make_bodies("{\"k\":\"" + key + "\"}", "data: fine\n\n"));
    CHECK(packed.redaction_count == 1);
    CHECK(packed.redaction_kinds == "anthropic-key=1");
    CHECK_FALSE(packed.has_dropped_side);
    writer.bodies().write(make_call(1).id, packed, now);
    writer.bodies().write(make_call(1).id, packed, now);  // again: the first stays
    CHECK(query_text(file,
                     "SELECT request_id || ' ' || captured_at || ' ' || codec || ' ' || "
                     "request_bytes || ' ' || request_truncated || ' ' || response_bytes || ' ' || "
                     "redaction_count || ' ' || redaction_kinds || ' ' || "
                     "(stored_bytes = length(request_body) + length(response_body)) "
                     "FROM request_bodies") ==
          "00000000-0000-4000-8000-000000000001 2027-01-15T08:00:00.000000Z zstd 31 0 12 1 "
          "anthropic-key=1 1");
    const auto row = read_body(file, make_call(1).id);
    REQUIRE(row);
    CHECK(row->request.text == "{\"k\":\"[REDACTED:anthropic-key]\"}");
    CHECK(row->response.text == "data: fine\n\n");
}

TEST_CASE("body writer: what cannot be searched leaves its size, and no body is without a row") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    write_row(writer, 1);
    const auto packed = pack_bodies(*make_bodies(std::string("\0\1\2", 3), "text"));
    CHECK(packed.has_dropped_side);
    writer.bodies().write(make_call(1).id, packed, now);
    const auto row = read_body(file, "last");
    REQUIRE(row);
    CHECK_FALSE(row->request.text);
    CHECK(row->request.bytes == 3);
    CHECK(row->request.is_truncated);
    CHECK(row->response.text == "text");
    CHECK_THROWS_AS(writer.bodies().write(make_call(2).id, packed, now), SQLite::Exception);
    write_row(writer, 2);
    writer.bodies().write(make_call(2).id, packed, now);
    CHECK(query_number(file, "SELECT count(*) FROM request_bodies") == 2);
}

TEST_CASE("body writer: prunes what is too old, in steps, and then the oldest of too many") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    RowWriter writer(file);
    const auto packed = pack_bodies(*make_bodies("a request", "an answer"));
    const auto count = 2 * limits::bodies_per_prune_step + 7;
    for (int i = 0; i < count; ++i) {
        write_row(writer, static_cast<std::uint64_t>(i));
        writer.bodies().write(make_call(static_cast<std::uint64_t>(i)).id, packed,
                              now + std::chrono::hours(i));
    }
    auto& bodies = writer.bodies();
    CHECK(bodies.prune({}, now + std::chrono::hours(24 * 900)) == 0);
    CHECK(bodies.prune({1, 0}, now + std::chrono::hours(24)) == 0);
    // All but seven are older than a day.
    const auto later = now + std::chrono::hours(24 + count - 7);
    CHECK(bodies.prune({1, 0}, later) == limits::bodies_per_prune_step);
    CHECK(bodies.prune({1, 0}, later) == limits::bodies_per_prune_step);
    CHECK(bodies.prune({1, 0}, later) == 0);
    CHECK(query_number(file, "SELECT count(*) FROM request_bodies") == 7);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == count);
    const auto one = query_number(file, "SELECT max(stored_bytes) FROM request_bodies");
    CHECK(bodies.prune({0, one * 7}, later) == 0);
    CHECK(bodies.prune({0, one * 3}, later) == 4);
    CHECK(query_text(file, "SELECT min(captured_at) FROM request_bodies") ==
          to_iso8601(now + std::chrono::hours(count - 3)));
    CHECK(bodies.prune({0, one * 3 - 1}, later) == 1);
}
