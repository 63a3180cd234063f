#include "base/json_writer.h"

#include <limits>

#include "base/json.h"
#include "support/catch.h"

using halton::JsonParser;
using halton::JsonWriter;

TEST_CASE("json writer: nested values, in the order they were written") {
    JsonWriter json;
    json.begin_object().text("a", "b").number("n", -7).flag("yes", true).null("none");
    json.begin_array("list").number({}, 1).text({}, "two").begin_object().end().end();
    json.begin_object("empty").end().end();
    CHECK(json.finish() ==
          "{\n  \"a\": \"b\",\n  \"n\": -7,\n  \"yes\": true,\n  \"none\": null,\n"
          "  \"list\": [\n    1,\n    \"two\",\n    {}\n  ],\n  \"empty\": {}\n}\n");
}

TEST_CASE("json writer: compact, and with texts that are JSON already") {
    JsonWriter json(JsonWriter::Layout::compact);
    json.begin_object().text("a", "b").number_or_null("n", 7).number_or_null("none", std::nullopt);
    json.json("inner", R"({"x":[1]})").begin_array("list").number({}, 1).number({}, 2).end().end();
    CHECK(json.finish() == R"({"a":"b","n":7,"none":null,"inner":{"x":[1]},"list":[1,2]})");
}

TEST_CASE("json writer: numbers with decimals") {
    JsonWriter json;
    json.begin_array();
    for (const double value : {0.0, 1.0, 12.5, 0.1239, -0.0001, 1234567.0}) json.real({}, value);
    json.real({}, std::numeric_limits<double>::quiet_NaN());
    json.real({}, std::numeric_limits<double>::infinity());
    json.real_or_null({}, std::nullopt).end();
    CHECK(json.finish() ==
          "[\n  0,\n  1,\n  12.5,\n  0.124,\n  0,\n  1234567,\n  null,\n  null,\n  null\n]\n");
}

TEST_CASE("json writer: what it writes can be read, whatever the text") {
    constexpr char characters[] = "quote\" back\\ line\n nul\0 tab\t \xc3\xa4 \x01";
    const std::string odd(characters, sizeof characters - 1);
    JsonWriter json;
    json.begin_object().text("k", odd).text_or_null("n", std::nullopt);
    json.text_or_null("v", std::string("x")).end();
    const std::string text = json.finish();
    JsonParser parser;
    const auto read = parser.parse(text);
    REQUIRE(read);
    CHECK((*read)["k"].as_string() == odd);
    CHECK((*read)["n"].is_null());
    CHECK((*read)["v"].as_string() == "x");
}
