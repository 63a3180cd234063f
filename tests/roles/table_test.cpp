#include "roles/table.h"

#include <algorithm>
#include <sstream>

#include "support/catch.h"

using halton::roles::Column;
using halton::roles::render_table;

namespace {

const std::vector<Column> columns{
    {"name", false, 0, true}, {"in", true, 1}, {"cost", true}, {"p95", true, 2}};
const std::vector<std::vector<std::string>> rows{{"a-long-project-name", "1,234", "$1.00", "7 ms"},
                                                 {"b", "5", "$0.10", "12 ms"}};

std::size_t widest(const std::string& text) {
    std::istringstream lines(text);
    std::size_t most = 0;
    for (std::string line; std::getline(lines, line);) most = std::max(most, line.size());
    return most;
}

}  // namespace

TEST_CASE("table: names to the left, numbers to the right") {
    CHECK(render_table(columns, rows, 0) ==
          "  name                    in   cost    p95\n"
          "  a-long-project-name  1,234  $1.00   7 ms\n"
          "  b                        5  $0.10  12 ms\n");
    CHECK(render_table({{"x"}}, {}, 0) == "  x\n");
}

TEST_CASE("table: columns leave one by one as it gets narrow, then names are cut") {
    CHECK(render_table(columns, rows, 42).find("p95") != std::string::npos);
    const auto narrower = render_table(columns, rows, 41);
    CHECK(narrower.find("p95") == std::string::npos);
    CHECK(narrower.find("in") != std::string::npos);
    const auto narrow = render_table(columns, rows, 30);
    CHECK(narrow.find(" in") == std::string::npos);
    CHECK(narrow.find("cost") != std::string::npos);
    CHECK(render_table(columns, rows, 20).find("a-long-p..") == std::string::npos);
    CHECK(render_table(columns, rows, 20).find("a-lon") != std::string::npos);
    for (int width = 17; width < 60; ++width) {
        INFO(width);
        CHECK(widest(render_table(columns, rows, width)) <= static_cast<std::size_t>(width));
    }
    // Narrower than anything can be: still the columns that matter.
    CHECK(render_table(columns, rows, 1).find("$1.00") != std::string::npos);
}

TEST_CASE("table: characters count, not bytes") {
    CHECK(render_table({{"a"}, {"b"}}, {{"\xc3\xa4\xc3\xa4", "x"}, {"zzz", "y"}}, 0) ==
          "  a    b\n  \xc3\xa4\xc3\xa4   x\n  zzz  y\n");
}

TEST_CASE("wrap: long lines break at spaces and go on two further in") {
    using halton::roles::wrap_text;
    CHECK(wrap_text("  one two three four\nshort\n", 12) ==
          "  one two\n    three\n    four\nshort\n");
    CHECK(wrap_text("one two", 0) == "one two");
    CHECK(wrap_text("", 5).empty());
    CHECK(wrap_text("\n\n", 5) == "\n\n");
    // Exactly as wide, a word without end, and characters of several bytes.
    CHECK(wrap_text("abc def\n", 7) == "abc def\n");
    CHECK(wrap_text("abcdefghijkl mn\n", 5) == "abcdefghijkl\n  mn\n");
    CHECK(wrap_text("\u00e4\u00e4\u00e4 \u00e4\u00e4\u00e4\n", 7) ==
          "\u00e4\u00e4\u00e4 \u00e4\u00e4\u00e4\n");
    CHECK(wrap_text("a    b", 3) == "a\n  b");
}
