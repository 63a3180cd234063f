#include "api/pages.h"

#include "support/catch.h"

using namespace halton;

namespace {

http::RequestHead make_head(const std::string& target, const std::string& method = "GET",
                            std::vector<std::pair<std::string, std::string>> more = {}) {
    http::RequestHead head;
    head.method = method;
    head.target = target;
    for (const auto& [name, value] : more) head.headers.add(name, value);
    return head;
}

std::string header_of(const api::Answer& answer, std::string_view name) {
    for (const auto& [key, value] : answer.headers)
        if (key == name) return value;
    return "absent";
}

const api::Asset* find_none(std::string_view) { return nullptr; }

// "<p>hello</p>"
constexpr std::string_view packed(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xb3\x29\xb0\xcb\x48\xcd\xc9\xc9\xb7\xd1\x2f\xb0\x03"
    "\x00\x44\xfb\xae\xd2\x0c\x00\x00\x00",
    32);

const api::Asset* find_some(std::string_view path) {
    static const api::Asset page{"/", "text/html; charset=utf-8", "\"abc\"", packed, false};
    static const api::Asset script{"/assets/a-1.js", "text/javascript", "\"def\"", "packed", true};
    return path == page.path ? &page : path == script.path ? &script : nullptr;
}

}  // namespace

TEST_CASE("pages: without a dashboard one page says where everything is") {
    const auto page = api::find_page(make_head("/"), &find_none);
    REQUIRE(page);
    CHECK(page->status == 200);
    CHECK(page->content_type.starts_with("text/html"));
    CHECK(page->body.find("halton-meter report") != std::string::npos);
    // It needs nothing that its policy forbids.
    CHECK(page->body.find("<script") == std::string::npos);
    CHECK(page->body.find("style") == std::string::npos);
    CHECK(header_of(*page, "Content-Security-Policy").starts_with("default-src 'none'"));
    CHECK_FALSE(api::find_page(make_head("/v1/stats"), &find_none));
    CHECK_FALSE(api::find_page(make_head("/", "POST"), &find_none));
}

TEST_CASE("pages: files of the dashboard") {
    const std::pair<std::string, std::string> gzip{"Accept-Encoding", "br, gzip;q=0.5"};
    const auto page = api::find_page(make_head("/?x=1", "GET", {gzip}), &find_some);
    REQUIRE(page);
    CHECK(page->status == 200);
    CHECK(page->body == packed);
    CHECK(header_of(*page, "Content-Encoding") == "gzip");
    CHECK(header_of(*page, "Cache-Control") == "no-cache");
    CHECK(header_of(*page, "ETag") == "\"abc\"");

    const auto script = api::find_page(make_head("/assets/a-1.js", "HEAD", {gzip}), &find_some);
    REQUIRE(script);
    CHECK(script->content_type == "text/javascript");
    CHECK(header_of(*script, "Cache-Control").find("immutable") != std::string::npos);

    const auto known = api::find_page(
        make_head("/", "GET", {gzip, {"If-None-Match", "W/\"x\", \"abc\""}}), &find_some);
    REQUIRE(known);
    CHECK(known->status == 304);
    CHECK(known->body.empty());
    for (const char* encoding : {"", "identity", "br", "gzip;q=0", "gzipped"}) {
        INFO(encoding);
        const auto plain =
            api::find_page(make_head("/", "GET", {{"Accept-Encoding", encoding}}), &find_some);
        REQUIRE(plain);
        CHECK(plain->status == 200);
        CHECK(plain->body == "<p>hello</p>");
        CHECK(header_of(*plain, "Content-Encoding") == "absent");
    }
    CHECK_FALSE(api::find_page(make_head("/assets/b.js", "GET", {gzip}), &find_some));
}
