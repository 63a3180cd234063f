#include "base/text.h"

#include "support/catch.h"

using namespace halton;

TEST_CASE("text: case is ASCII only") {
    CHECK(to_lower('A') == 'a');
    CHECK(to_lower('Z') == 'z');
    CHECK(to_lower('[') == '[');
    CHECK(to_lower('@') == '@');
    CHECK(to_lower("AbC-\xc3\x84") == "abc-\xc3\x84");
    CHECK(is_equal_ignoring_case("Content-Type", "content-TYPE"));
    CHECK_FALSE(is_equal_ignoring_case("a", "ab"));
    CHECK_FALSE(is_equal_ignoring_case("a[", "a{"));
    CHECK_FALSE(is_equal_ignoring_case("\xc3\x84", "\xc3\xa4"));
    CHECK(is_equal_ignoring_case("", ""));
}

TEST_CASE("text: trim takes blanks off both ends") {
    CHECK(trim(" \t a b \r\n") == "a b");
    CHECK(trim("a") == "a");
    CHECK(trim(" \t\r\n") == "");
    CHECK(trim("") == "");
    CHECK(trim("\va\v") == "\va\v");
}

TEST_CASE("text: decimals are digits only") {
    CHECK(parse_decimal("0") == 0u);
    CHECK(parse_decimal("007") == 7u);
    CHECK(parse_decimal("18446744073709551615") == 18'446'744'073'709'551'615u);
    CHECK(parse_decimal("00000000000000000000000000000001") == 1u);
    for (const auto* text : {"", " 1", "1 ", "+1", "-1", "1.0", "0x1", "1e3", "a",
                             "18446744073709551616", "99999999999999999999"}) {
        INFO(text);
        CHECK_FALSE(parse_decimal(text));
    }
}

TEST_CASE("text: safe text has no control characters") {
    CHECK(to_safe_text("plain", 10) == "plain");
    CHECK(to_safe_text("a\nb\x1b[0m\x7f\t", 20) == "a?b?[0m??");
    CHECK(to_safe_text(std::string_view("a\0b", 3), 10) == "a?b");
    CHECK(to_safe_text("", 10) == "");
    // C1 controls, line separators and what turns text around; their neighbours stay.
    CHECK(to_safe_text("a\xc2\x9b" "31mb\xc2\x80\xc2\xa0", 20) == "a?31mb?\xc2\xa0");
    CHECK(to_safe_text("\xe2\x80\xaegpj.exe\xe2\x81\xa6\xe2\x80\xa9", 40) == "?gpj.exe??");
    CHECK(to_safe_text("\xe2\x80\x93 \xe2\x81\xa5\xe2\x82\xac", 40) ==
          "\xe2\x80\x93 \xe2\x81\xa5\xe2\x82\xac");
    CHECK(to_safe_text("\xe2\x80", 40) == "??");
    CHECK(to_safe_text("a\xff\x9b\xc3-", 40) == std::string("a??") + "?-");
    CHECK(to_safe_text("abc", 0) == "");
}

TEST_CASE("text: safe text is cut between characters") {
    CHECK(to_safe_text("abcdef", 3) == "abc");
    const std::string two = "\xc3\xa4", three = "\xe2\x82\xac", four = "\xf0\x9f\x98\x80";
    for (const std::string& character : {two, three, four}) {
        const std::string text = "a" + character + "b";
        for (std::size_t size = 1; size <= character.size(); ++size)
            CHECK(to_safe_text(text, size) == "a");
        CHECK(to_safe_text(text, 1 + character.size()) == "a" + character);
        CHECK(to_safe_text(text, text.size()) == text);
    }
    CHECK(to_safe_text(two + two + two, 5) == two + two);
    CHECK(to_safe_text(two, 1) == "");
}

TEST_CASE("text: broken UTF-8 is cut without harm") {
    CHECK(to_safe_text("\x80\x80\x80\x80\x80\x80", 3).size() <= 3);
    CHECK(to_safe_text("a\xff\xff\xff", 2).size() <= 2);
    CHECK(to_safe_text("\xf0\xf0\xf0", 2).size() <= 2);
}
