#include "config/slug.h"

#include "support/catch.h"

using halton::config::is_slug;
using halton::config::parse_slug;

TEST_CASE("slug: the alphabet") {
    for (const char* text : {"a", "0", "web-shop", "team/web_shop", "a:b", "mac:com.openai.chat",
                             "docker:build.example", "k8s:node-1.local"})
        CHECK(is_slug(text));
    for (const char* text : {"", "-", "///", "A", "a b", "a.b", "com.openai.chat", "a\n",
                             "\xc3\xa4", "mac:", "macos:a.b"}) {
        INFO(text);
        CHECK(is_slug(text) == (std::string_view(text) == "mac:"));
    }
    CHECK(is_slug(std::string(128, 'x')));
    CHECK_FALSE(is_slug(std::string(129, 'x')));
}

TEST_CASE("slug: what somebody wrote is trimmed and lower-cased, never repaired") {
    CHECK(parse_slug("  Web-Shop ") == "web-shop");
    CHECK_FALSE(parse_slug("web shop").has_value());
    CHECK_FALSE(parse_slug("").has_value());
}
