#include "base/json_pick.h"

#include <string>
#include <vector>

#include "support/catch.h"
#include "support/feed.h"

using namespace halton;
using namespace std::string_literals;

namespace {

constexpr JsonPaths paths{"model", "usage", "message.usage", "items[].mark", "a.b.c"};

// Everything that can be seen from outside, one line per document and one for the end.
std::string run(const test::Chunks& chunks) {
    JsonPick pick(paths);
    std::string seen;
    const auto note = [&] {
        for (std::size_t i = 0; i < paths.count(); ++i) {
            seen += std::string(pick.text(i)) + "|";
        }
        seen += '\n';
    };
    for (std::string_view chunk : chunks) {
        while (!chunk.empty()) {
            chunk.remove_prefix(pick.feed(chunk));
            if (pick.has_document()) note();
        }
    }
    switch (pick.state()) {
        case JsonPick::State::empty: return seen + "empty";
        case JsonPick::State::open: return seen + "open";
        case JsonPick::State::complete: return seen + "complete";
        case JsonPick::State::malformed: return seen + "malformed";
    }
    return seen;
}

std::string pick_from(const std::string& json) { return test::feed_all_ways(json, run); }

}  // namespace

TEST_CASE("wanted values come out as they are written") {
    CHECK(pick_from(R"({"model":"m-1","usage":{"in":3,"deep":[1,{"x":"}"}]}})") ==
          "\"m-1\"|{\"in\":3,\"deep\":[1,{\"x\":\"}\"}]}||||\ncomplete");
    CHECK(pick_from("{ \"model\" : null , \"usage\" :\t12.5e3\n}") ==
          "null|12.5e3||||\ncomplete");
    CHECK(pick_from(R"({"message":{"model":"no","usage":{"n":1}},"x":{"usage":2}})") ==
          "||{\"n\":1}|||\ncomplete");
    CHECK(pick_from(R"({"a":{"b":{"c":true}}})") == "||||true|\ncomplete");
}

TEST_CASE("the last one of a repeated key wins") {
    CHECK(pick_from(R"({"model":"a","model":"b"})") == "\"b\"|||||\ncomplete");
}

TEST_CASE("elements of a watched array are looked into") {
    CHECK(pick_from(R"({"items":[{"x":[1,2]},{"mark":"S"},7,"t",[{"mark":"no"}]]})") ==
          "|||\"S\"||\ncomplete");
    CHECK(pick_from(R"({"items":[]})") == "|||||\ncomplete");
    CHECK(pick_from(R"({"items":{"mark":1}})") == "|||||\ncomplete");
}

TEST_CASE("strings may hold anything") {
    CHECK(pick_from(R"({"x":"\"model\":\"evil\"","model":"\\\\\"","y":"\\"})") ==
          "\"\\\\\\\\\\\"\"|||||\ncomplete");
    CHECK(pick_from(R"({"deep":{"s":"a\\\"]}","t":["\\"]},"usage":1})") == "|1||||\ncomplete");
    CHECK(pick_from("{\"x\":\"h\xC3\xA9\",\"model\":\"\xE6\x97\xA5\"}") ==
          "\"\xE6\x97\xA5\"|||||\ncomplete");
}

TEST_CASE("keys that only resemble a wanted one are left alone") {
    CHECK(pick_from(R"({"mode":1,"models":2,"modelX":3,"m\u006fdel":4,"":5})") ==
          "|||||\ncomplete");
    CHECK(pick_from("{\"" + std::string(300, 'm') + "\":1,\"usage\":2}") == "|2||||\ncomplete");
}

TEST_CASE("a top-level array is a list of documents") {
    CHECK(pick_from(R"([{"model":1},{"usage":2} ,{"x":[]}])") ==
          "1|||||\n|2||||\n|||||\ncomplete");
    CHECK(pick_from("[]") == "complete");
    CHECK(pick_from(" [ {\"model\":1} ") == "1|||||\nopen");
    CHECK(pick_from("[1,\"x\",[{\"model\":1}]]") == "|||||\n|||||\n|||||\ncomplete");
}

TEST_CASE("documents may follow each other") {
    CHECK(pick_from("{\"model\":1}\n{\"usage\":2}\n") == "1|||||\n|2||||\ncomplete");
    CHECK(pick_from("{\"model\":1}\n{\"usage\":") == "1|||||\nopen");
}

TEST_CASE("what has not ended is not there yet") {
    CHECK(pick_from("") == "empty");
    CHECK(pick_from("  \n") == "empty");
    CHECK(pick_from(R"({"model":"gpt)") == "open");
    JsonPick pick(paths);
    pick.feed(R"({"usage":{"n":1},"model":"gpt)");
    CHECK(pick.text(0).empty());
    CHECK(pick.text(1) == R"({"n":1})");
}

TEST_CASE("what cannot be JSON is given up") {
    CHECK(pick_from("<html>") == "malformed");
    CHECK(pick_from("{model:1}") == "malformed");
    CHECK(pick_from(R"({"model" 1})") == "malformed");
    CHECK(pick_from(R"({"model":1]})") == "malformed");
    CHECK(pick_from(R"({"x":[1}})") == "malformed");
    CHECK(pick_from(R"({"x":{"y":]}})") == "malformed");
    CHECK(pick_from(R"({"model":1}})") == "1|||||\nmalformed");
    CHECK(pick_from(R"({"model":1,})") == "malformed");
    CHECK(pick_from(R"({"model":@})") == "malformed");
    CHECK(pick_from("[{}] {}") == "|||||\nmalformed");
}

TEST_CASE("depth and size have limits") {
    const std::string deep(limits::json_depth_max, '[');
    CHECK(run({"{\"x\":" + deep.substr(1)}) == "open");
    CHECK(run({"{\"x\":" + deep}) == "malformed");
    const std::string large = "\"" + std::string(limits::json_pick_bytes_max, 'x') + "\"";
    CHECK(run({"{\"usage\":" + large + ",\"model\":1}"}) == "1|||||\ncomplete");
}

TEST_CASE("it can stop early and begin again") {
    static constexpr JsonPaths two{"model", "stream"};
    JsonPick pick(two);
    pick.feed(R"({"model":"m","messages":[)");
    CHECK_FALSE(pick.is_satisfied());
    pick.feed(R"(],"stream":true,)");
    CHECK(pick.is_satisfied());
    pick.reset();
    CHECK(pick.state() == JsonPick::State::empty);
    pick.feed(R"({"stream":false})");
    CHECK(pick.text(0).empty());
    CHECK(pick.text(1) == "false");
}

TEST_CASE("all values of a joined path are kept") {
    static constexpr JsonPaths joined{"list[].n+", "list[].m", "n+"};
    const auto run_joined = [](const test::Chunks& chunks) {
        JsonPick pick(joined);
        std::string seen;
        for (std::string_view chunk : chunks) {
            while (!chunk.empty()) {
                chunk.remove_prefix(pick.feed(chunk));
                if (!pick.has_document()) continue;
                for (std::size_t i = 0; i < joined.count(); ++i) {
                    seen += std::string(pick.text(i)) + "|";
                }
            }
        }
        return seen;
    };
    CHECK(test::feed_all_ways(R"({"list":[{"n":10,"m":1},{"n":12,"m":2},{},{"n":7}],"n":5})",
                              run_joined) == "10,12,7|2|5|");
    // Nothing of one document stays for the next.
    CHECK(test::feed_all_ways(R"({"n":5,"n":6} {"n":7} {"list":[]})", run_joined) ==
          "||5,6|||7||||");
    const std::string large(limits::json_pick_bytes_max / 2 + 10, '1');
    CHECK(run_joined({"{\"n\":" + large + ",\"n\":" + large + ",\"n\":1}"}) == "|||");
}

TEST_CASE("a path that others continue is found only when its value is no container") {
    static constexpr JsonPaths both{"message", "message.model"};
    const auto run_both = [](const test::Chunks& chunks) {
        JsonPick pick(both);
        for (std::string_view chunk : chunks) {
            while (!chunk.empty()) chunk.remove_prefix(pick.feed(chunk));
        }
        return std::string(pick.text(0)) + "|" + std::string(pick.text(1));
    };
    CHECK(test::feed_all_ways(R"({"message":"no such model"})", run_both) ==
          "\"no such model\"|");
    CHECK(test::feed_all_ways(R"({"message":{"model":"m","text":"long"}})", run_both) == "|\"m\"");
    CHECK(test::feed_all_ways(R"({"message":["a"]})", run_both) == "|");
}
