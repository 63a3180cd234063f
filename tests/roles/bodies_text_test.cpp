#include "roles/bodies_text.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::roles;

namespace {

store::BodyRow make_row() {
    store::BodyRow row;
    row.entry = {"00000000-0000-4000-8000-000000000001",
                 "2026-11-21T01:02:04.000000Z",
                 "2026-11-21T01:02:03.000000Z",
                 "shop",
                 "anthropic",
                 "claude-x",
                 2'000,
                 5,
                 2,
                 "bearer=2"};
    row.request = {std::string("{\"a\":\"\x1b[31mred\"}"), 2'000, true, "application/json"};
    row.response = {std::nullopt, 5, true, ""};
    return row;
}

store::BodyStats make_stats() {
    store::BodyStats stats;
    stats.count = 3;
    stats.request_bytes = 5'000'000;
    stats.response_bytes = 300;
    stats.stored_bytes = 2'048;
    stats.truncated_count = 1;
    stats.redaction_count = 3;
    stats.oldest_at = "2026-11-20T01:02:03.000000Z";
    stats.newest_at = "2026-11-21T01:02:03.000000Z";
    stats.redaction_kinds = {{"bearer", 2}, {"jwt", 1}};
    stats.projects = {{"shop", 2}, {"blog", 1}};
    stats.switches = {{"blog", true}, {"shop", false}};
    return stats;
}

}  // namespace

TEST_CASE("bodies text: nothing that steers a terminal gets through") {
    CHECK(to_harmless_text("a\n\tb") == "a\n\tb");
    CHECK(to_harmless_text("\x1b]0;x\x07\r\x7f") == "\\x1b]0;x\\x07\\x0d\\x7f");
    CHECK(to_harmless_text(std::string("\0", 1)) == "\\x00");
    CHECK(to_harmless_text("caf\xc3\xa9 \xf0\x9f\x98\x80") == "caf\xc3\xa9 \xf0\x9f\x98\x80");
    CHECK(to_harmless_text("\xc2\x9b"
                           "31m") == "\\u{9b}31m");
    CHECK(to_harmless_text("\xe2\x80\xae"
                           "abc\xe2\x80\xa8") == "\\u{202e}abc\\u{2028}");
    CHECK(to_harmless_text("\xff\xc3(\xe2\x82") == "\\xff\\xc3(\\xe2\\x82");
    CHECK(to_harmless_text("\xed\xa0\x80\xc0\x80") == "\\xed\\xa0\\x80\\xc0\\x80");
}

TEST_CASE("bodies text: one body") {
    CHECK(to_body_text(make_row()) ==
          "call 00000000-0000-4000-8000-000000000001, 2026-11-21 01:02, project shop, anthropic "
          "claude-x\nsecrets taken out: bearer=2\n--- request (application/json, 2.0 KiB, cut) "
          "---\n{\"a\":\"\\x1b[31mred\"}\n--- answer (5 B, cut) ---\n(not kept: no text)\n");
    JsonParser parser;
    const auto json = parser.parse(to_body_json(make_row()));
    REQUIRE(json);
    const JsonView body = *json;
    CHECK(body["request"]["text"].as_string() == "{\"a\":\"\x1b[31mred\"}");
    CHECK(body["request"]["truncated"].as_bool() == true);
    CHECK(body["response"]["text"].is_null());
    CHECK(body["response"]["bytes"].as_integer() == 5);
    CHECK(body["redaction_count"].as_integer() == 2);
}

TEST_CASE("bodies text: stats, with and without a daemon") {
    const BodySettings settings{true, 30, 0};
    CHECK(to_body_stats_text(make_stats(), settings, LiveBodies{1'024, 2, 3, 4}) ==
          "capture: on, on in blog, off in shop (a .haltonrc says otherwise where it is)\n"
          "bodies: 3 from 2026-11-20 01:02 to 2026-11-21 01:02; 4.8 MiB of requests and 300 B of "
          "answers in 2.0 KiB on disk\n"
          "cut or not kept: 1\n"
          "       2  shop\n       1  blog\n"
          "secrets taken out: 3\n       2  bearer\n       1  jwt\n"
          "kept: 30 days, however much it is\n"
          "since the daemon started: 3 not captured for want of memory, 4 not kept; 2 wait, "
          "1.0 KiB in memory\n");
    CHECK(to_body_stats_text({}, {}, std::nullopt) ==
          "capture: off (a .haltonrc says otherwise where it is)\nbodies: 0\n"
          "secrets taken out: 0\nkept: for ever, however much it is\n");
    JsonParser parser;
    const auto json =
        parser.parse(to_body_stats_json(make_stats(), settings, LiveBodies{1, 2, 3, 4}));
    REQUIRE(json);
    const JsonView stats = *json;
    CHECK(stats["capture"].as_bool() == true);
    CHECK(stats["project_switches"]["shop"].as_bool() == false);
    CHECK(stats["redaction_kinds"]["bearer"].as_integer() == 2);
    CHECK(stats["projects"]["blog"].as_integer() == 1);
    CHECK(stats["daemon"]["refused"].as_integer() == 3);
    const auto empty = parser.parse(to_body_stats_json({}, {}, std::nullopt));
    REQUIRE(empty);
    CHECK((*empty)["daemon"].is_null());
    CHECK((*empty)["oldest_at"].is_null());
}

TEST_CASE("bodies text: the list") {
    const std::vector<store::BodyEntry> entries{make_row().entry};
    const auto text = to_body_list_text(entries, 0);
    CHECK(text.find("00000000-0000-4000-8000-000000000001") != std::string::npos);
    CHECK(text.find("2.0 KiB") != std::string::npos);
    CHECK(to_body_list_text({}, 80) == "No bodies.\n");
    JsonParser parser;
    const auto json = parser.parse(to_body_list_json(entries));
    REQUIRE(json);
    std::int64_t count = 0;
    (*json)["bodies"].for_each_element(
        [&](JsonView body) { count += body["redaction_count"].as_integer() == 2; });
    CHECK(count == 1);
}
