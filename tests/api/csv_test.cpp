#include "api/csv.h"

#include "support/catch.h"

using namespace halton;

namespace {

std::size_t count_of(std::string_view text, char c) {
    std::size_t count = 0;
    for (const char each : text) count += each == c ? 1 : 0;
    return count;
}

}  // namespace

TEST_CASE("csv: fields are quoted where they have to be") {
    CHECK(api::to_csv_field("") == "");
    CHECK(api::to_csv_field("plain text") == "plain text");
    CHECK(api::to_csv_field("a,b") == "\"a,b\"");
    CHECK(api::to_csv_field("say \"hi\"") == "\"say \"\"hi\"\"\"");
    CHECK(api::to_csv_field("two\nlines") == "\"two\nlines\"");
    CHECK(api::to_csv_field("\r") == "\"'\r\"");
    // No formula runs in whoever opens it.
    CHECK(api::to_csv_field("=cmd()") == "'=cmd()");
    CHECK(api::to_csv_field("@a,b") == "\"'@a,b\"");
    CHECK(api::to_csv_field("-1") == "'-1");
    CHECK(api::to_csv_field("+1") == "'+1");
}

TEST_CASE("csv: a line has the header's columns") {
    const auto header = api::csv_header();
    CHECK(header.starts_with(
        "id,provider,model,mode,input_tokens,output_tokens,thinking_tokens,cache_read_tokens,"
        "cache_write_tokens,cost_usd_minor_units,latency_ms,tokens_complete,requested_at,status,"));
    CHECK(header.ends_with("\r\n"));
    store::RequestRow row;
    row.id = "1";
    row.model = "m";
    row.cost = NanoUsd{12'345'678};
    row.latency_ms = 1.5;
    row.requested_at = "2026-11-21T01:02:03.000000Z";
    row.status = "success";
    row.retryable = true;
    auto line = api::to_csv_line(row);
    CHECK(line.starts_with(
        "1,,m,,0,0,0,0,0,1235,1.5,true,2026-11-21T01:02:03.000000Z,success,12345678,"));
    CHECK(line.ends_with("\r\n"));
    CHECK(count_of(line, ',') == count_of(header, ','));
    // An unknown cost is empty, not zero.
    row.cost.reset();
    row.latency_ms.reset();
    row.retryable.reset();
    CHECK(api::to_csv_line(row).starts_with("1,,m,,0,0,0,0,0,,,true,"));
}
