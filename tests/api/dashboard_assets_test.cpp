#include "api/dashboard_assets.h"

#include <string>

#include "support/catch.h"

using namespace halton;

namespace {
const std::string small_pack =
    "/ text/html;charset=utf-8 \"aa\" 0 3\n<a>"
    "/assets/x-1.js text/javascript \"bb\" 1 5\n\x1f\x8b\n a";
}

TEST_CASE("dashboard assets: a pack is its files, whatever bytes are in them") {
    const auto all = api::parse_assets(small_pack);
    REQUIRE(all.size() == 2);
    CHECK(all[0].path == "/");
    CHECK(all[0].content_type == "text/html;charset=utf-8");
    CHECK(all[0].etag == "\"aa\"");
    CHECK(all[0].gzip == "<a>");
    CHECK_FALSE(all[0].is_immutable);
    CHECK(all[1].path == "/assets/x-1.js");
    CHECK(all[1].gzip == "\x1f\x8b\n a");
    CHECK(all[1].is_immutable);
}

TEST_CASE("dashboard assets: what makes no sense ends the pack") {
    CHECK(api::parse_assets("").empty());
    CHECK(api::parse_assets("no line").empty());
    CHECK(api::parse_assets("/ t \"e\" 0 9\nshort").empty());
    CHECK(api::parse_assets("/ t \"e\" 0 x\n").empty());
    CHECK(api::parse_assets("/ t \"e\" 0 1 more\na").empty());
    CHECK(api::parse_assets("x t \"e\" 0 1\na").empty());
    CHECK(api::parse_assets("/ t \"e\" 0 99999999999999999999\na").empty());
    for (std::size_t size = 0; size < small_pack.size(); ++size)
        CHECK(api::parse_assets(std::string_view(small_pack).substr(0, size)).size() < 2);
}

TEST_CASE("dashboard assets: the program's own are a page and what it needs, or none") {
    CHECK(api::find_asset("/no-such-file") == nullptr);
    CHECK(api::find_asset("") == nullptr);
    const auto* page = api::find_asset("/");
    if (!page) return;  // built without Node: api/pages.cpp explains
    CHECK(page->content_type.starts_with("text/html"));
    CHECK(page->gzip.starts_with("\x1f\x8b"));
    CHECK_FALSE(page->is_immutable);
    CHECK(page->etag.starts_with('"'));
    CHECK(api::find_asset("/favicon.svg"));
}
