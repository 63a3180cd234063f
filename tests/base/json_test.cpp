#include "base/json.h"

#include <string>
#include <vector>

#include "support/catch.h"

using namespace halton;

TEST_CASE("values are reached by key and absent ones are harmless") {
    JsonParser parser;
    const auto root = parser.parse(R"({"a":{"n":-12,"f":1.5,"w":3.0,"t":true,"s":"x\ny"},"z":null})");
    REQUIRE(root);
    CHECK((*root)["a"]["n"].as_integer() == -12);
    CHECK((*root)["a"]["n"].as_number() == -12.0);
    CHECK((*root)["a"]["f"].as_number() == 1.5);
    CHECK_FALSE((*root)["a"]["f"].as_integer());
    CHECK((*root)["a"]["w"].as_integer() == 3);
    CHECK((*root)["a"]["t"].as_bool() == true);
    CHECK((*root)["a"]["s"].as_string() == "x\ny");
    CHECK((*root)["z"].is_null());
    CHECK((*root)["a"].is_object());

    const JsonView absent = (*root)["no"]["where"];
    CHECK_FALSE(absent.is_present());
    CHECK_FALSE(absent.is_null());
    CHECK_FALSE(absent.is_object());
    CHECK_FALSE(absent.as_integer());
    CHECK_FALSE(absent.as_string());
    CHECK_FALSE((*root)["a"]["n"]["deeper"].is_present());
    CHECK_FALSE(JsonView().as_bool());
}

TEST_CASE("numbers outside the range of an integer are none") {
    JsonParser parser;
    CHECK(parser.parse("9223372036854775807")->as_integer() == 9223372036854775807);
    CHECK_FALSE(parser.parse("9223372036854775808")->as_integer());
    CHECK_FALSE(parser.parse("1e300")->as_integer());
}

TEST_CASE("arrays and objects are walked in their order") {
    JsonParser parser;
    const auto root = parser.parse(R"({"list":[1,"two",[3]],"x":{"b":1,"a":2}})");
    REQUIRE(root);
    int count = 0;
    (*root)["list"].for_each_element([&](JsonView) { ++count; });
    CHECK(count == 3);
    std::string keys;
    (*root)["x"].for_each_member([&](std::string_view key, JsonView) { keys += key; });
    CHECK(keys == "ba");
    (*root)["x"].for_each_element([&](JsonView) { FAIL("no array"); });
    (*root)["list"].for_each_member([&](std::string_view, JsonView) { FAIL("no object"); });
}

TEST_CASE("a parser is reused for texts of any size") {
    JsonParser parser;
    for (const std::size_t size : {0u, 1u, 100u, 10'000u, 100u}) {
        const auto root = parser.parse("[\"" + std::string(size, 'x') + "\"]");
        REQUIRE(root);
        root->for_each_element([&](JsonView value) { CHECK(value.as_string()->size() == size); });
    }
}

TEST_CASE("bad texts are refused") {
    JsonParser parser;
    for (const char* text : {"", " ", "{", "[1,]", "{\"a\":}", "nul", "\"\\x\"", "{}{}", "\"\xFF\""}) {
        CAPTURE(text);
        CHECK_FALSE(parser.parse(text));
    }
    CHECK_FALSE(parser.parse(std::string(1000, '[') + std::string(1000, ']')));
    CHECK(parser.parse("{}"));
}

TEST_CASE("strings are written so that every reader gets them back") {
    const auto write = [](std::string_view text) {
        std::string out;
        append_json_string(out, text);
        return out;
    };
    CHECK(write("a\"b\\c") == R"("a\"b\\c")");
    CHECK(write("\n\r\t\x01\x7F") == R"("\n\r\t\u0001\u007f")");
    CHECK(write("h\xC3\xA9\xF0\x9F\x98\x80") == "\"h\xC3\xA9\xF0\x9F\x98\x80\"");
    CHECK(write("\xFF\xC3") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    CHECK(write("\xED\xA0\x80") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}
