#include "config/haltonrc.h"

#include "support/catch.h"

using halton::config::parse_haltonrc;

TEST_CASE("haltonrc: quoted, bare and commented values") {
    CHECK(parse_haltonrc("project = \"web-shop\"\n").project == "web-shop");
    CHECK(parse_haltonrc("project=web-shop").project == "web-shop");
    CHECK(parse_haltonrc("  project =  \"web-shop\"   # ours\r\n").project == "web-shop");
    CHECK(parse_haltonrc("project = web-shop # ours").project == "web-shop");
    CHECK(parse_haltonrc("\xef\xbb\xbfproject = \"a\"").project == "a");
    CHECK(parse_haltonrc("project = \"Team/Web-Shop\"").project == "team/web-shop");
}

TEST_CASE("haltonrc: switches are bare words") {
    CHECK(parse_haltonrc("body_capture = on").body_capture == true);
    CHECK(parse_haltonrc("body_capture = OFF # never").body_capture == false);
    CHECK_FALSE(parse_haltonrc("body_capture = maybe").body_capture.has_value());
    CHECK_FALSE(parse_haltonrc("project = \"x\"").body_capture.has_value());
}

TEST_CASE("haltonrc: what makes no sense is not said") {
    for (const char* text : {"", "\n\n", "# project = \"a\"", "project",
                             "project =", "project = \"\"", "project = \"open", "project = \"a\" b",
                             "project = \"has space\"", "project = \"semi;colon\"",
                             "Project = \"a\"", "other = \"a\"", "= \"a\"", "project = \"---\""}) {
        INFO(text);
        CHECK_FALSE(parse_haltonrc(text).project.has_value());
    }
    CHECK_FALSE(parse_haltonrc("project = \"" + std::string(129, 'a') + "\"").project.has_value());
    CHECK(parse_haltonrc("project = \"" + std::string(128, 'a') + "\"").project.has_value());
    CHECK_FALSE(parse_haltonrc("project = a\n" + std::string(70'000, '#')).project.has_value());
}

TEST_CASE("haltonrc: a bad line does not hide a good one, and the last usable one wins") {
    CHECK(parse_haltonrc("project = \"a b\"\nunknown = 1\nproject = \"c\"").project == "c");
    CHECK(parse_haltonrc("project = \"c\"\nproject = \"a b\"").project == "c");
    CHECK(parse_haltonrc("project = \"a\"\nproject = \"b\"").project == "b");
}
