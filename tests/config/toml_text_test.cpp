#include "config/toml_text.h"

#include "config/config.h"
#include "support/catch.h"

using namespace halton;
using config::to_safe_toml;

TEST_CASE("toml text: what is ASCII stays as it is") {
    for (const std::string text :
         {"", "a = 1\n", "[a]\nb = \"x\\\"y\" # \"\n", "a = 'x\\' # it's\nb = ''\nc = \"\"",
          "a = \"\"\"x\"y\"\"z\\\n  \"\"\"\"\" # \"\nb = '''it's'''''\n",
          "a = \"open\nb = 'open\nc = \"\"\"open", "a = \"\\", "\"\"\"\"\"\"\"x"}) {
        CAPTURE(text);
        CHECK(to_safe_toml(text).value() == text);
    }
}

TEST_CASE("toml text: other characters are escapes in texts, and nothing in comments") {
    CHECK(to_safe_toml("# \xc3\xa4 \xf0\x9f\x98\x80\na = 1").value() == "# ? ?\na = 1");
    CHECK(to_safe_toml("a = \"\xc3\xa4\\\"\xe2\x82\xac\"").value() ==
          "a = \"\\U000000E4\\\"\\U000020AC\"");
    CHECK(to_safe_toml("a = '\xc3\xa4\\\"' # '").value() == "a = \"\\U000000E4\\\\\\\"\" # '");
    CHECK(to_safe_toml("a = '''\n\xc3\xa4'\"''''").value() ==
          "a = \"\"\"\n\\U000000E4'\\\"'\"\"\"");
    CHECK(to_safe_toml("a = \"\"\"\\\n  \xc3\xa4\"\"\"").value() ==
          "a = \"\"\"\\\n  \\U000000E4\"\"\"");
    CHECK(to_safe_toml("\xef\xbb\xbf"
                       "a = 1")
              .value() == "a = 1");
}

TEST_CASE("toml text: what TOML has not is refused, with its line") {
    const auto wrong = [](const std::string& text) {
        const auto made = to_safe_toml(text);
        return made ? "fine" : made.error().context;
    };
    CHECK(wrong("a = 1\n\xc3\xa4 = 2") == "line 2: a character beyond ASCII outside of a text");
    CHECK(wrong("a = \"x\" \xc2\xa0") == "line 1: a character beyond ASCII outside of a text");
    CHECK(wrong("a = \"\"\"\n\\\xc3\xa4\"\"\"") == "line 2: there is no such escape");
    for (const char* bytes : {"\xff", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                              "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
        CHECK(wrong(std::string("# ") + bytes) == "line 1: not UTF-8");
    }
}

TEST_CASE("toml text: a config keeps its meaning") {
    const auto parsed = config::parse_config(
        "# \xc3\xa4\n[upstream]\nca_file = \"/etc/\xc3\xa4 \\\"x\\\".pem\" # \xc3\xa4\n");
    CHECK(parsed.warnings.empty());
    CHECK(parsed.config.upstream_ca_file == "/etc/\xc3\xa4 \"x\".pem");
    const auto refused = config::parse_config("[upstream]\n\xc3\xa4 = 1\n");
    REQUIRE(refused.warnings.size() == 1);
    CHECK(refused.warnings[0] ==
          "config.toml: line 2: a character beyond ASCII outside of a text; using the defaults");
}
