#include "roles/mcp_protocol.h"

#include "support/catch.h"

using namespace halton;

namespace {

roles::McpProtocol make_protocol() {
    return roles::McpProtocol({{"add", "adds \"two\"", R"({"type":"object"})"}},
                              [](std::string_view, JsonView arguments) -> Result<std::string> {
                                  const auto a = arguments["a"].as_integer();
                                  if (!a) return fail(ErrorKind::malformed, "a is missing");
                                  return "{\n  \"sum\": " + std::to_string(*a + 1) +
                                         ",\n  \"text\": \"a b\\\" c\"\n}\n";
                              });
}

struct Answer {
    std::string line;
    JsonParser parser;
    JsonView json;
};

void ask(Answer& answer, const std::string& line) {
    answer.line = make_protocol().answer(line);
    INFO(line);
    REQUIRE(answer.line.find('\n') == answer.line.size() - 1);
    answer.json = answer.parser.parse(answer.line).value();
    CHECK(answer.json["jsonrpc"].as_string() == "2.0");
}

}  // namespace

TEST_CASE("mcp: versions are negotiated, a known one is kept, for others the newest is offered") {
    struct Case {
        const char* wanted;
        const char* given;
    };
    for (const Case& each : {Case{"2025-06-18", "2025-06-18"},
                             {"2024-11-05", "2024-11-05"},
                             {"2099-01-01", "2025-06-18"},
                             {"", "2025-06-18"}}) {
        Answer answer;
        ask(answer, std::string(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{)") +
                        R"("protocolVersion":")" + each.wanted + R"("}})");
        const auto result = answer.json["result"];
        CHECK(result["protocolVersion"].as_string() == each.given);
        CHECK(result["capabilities"]["tools"].is_object());
        CHECK(result["serverInfo"]["name"].as_string() == "halton-meter");
    }
}

TEST_CASE("mcp: tools are listed and called; ids come back as they were") {
    Answer answer;
    ask(answer, R"({"jsonrpc":"2.0","id":"x\"1","method":"tools/list"})");
    CHECK(answer.json["id"].as_string() == "x\"1");
    int count = 0;
    answer.json["result"]["tools"].for_each_element([&](JsonView tool) {
        ++count;
        CHECK(tool["name"].as_string() == "add");
        CHECK(tool["inputSchema"]["type"].as_string() == "object");
        CHECK(tool["annotations"]["readOnlyHint"].as_bool() == true);
    });
    CHECK(count == 1);
    ask(answer, R"({"jsonrpc":"2.0","id":2,"method":"tools/call",
                    "params":{"name":"add","arguments":{"a":41}}})");
    CHECK(answer.json["id"].as_integer() == 2);
    CHECK(answer.json["result"]["structuredContent"]["sum"].as_integer() == 42);
    CHECK(answer.json["result"]["structuredContent"]["text"].as_string() == "a b\" c");
    answer.json["result"]["content"].for_each_element(
        [](JsonView part) { CHECK(part["text"].as_string() == R"({"sum":42,"text":"a b\" c"})"); });
    ask(answer, R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"add"}})");
    CHECK(answer.json["result"]["isError"].as_bool() == true);
    ask(answer, R"({"jsonrpc":"2.0","id":4,"method":"ping"})");
    CHECK(answer.json["result"].is_object());
}

TEST_CASE("mcp: notifications and answers are not answered") {
    auto protocol = make_protocol();
    for (const char* silent :
         {R"({"jsonrpc":"2.0","method":"notifications/initialized"})",
          R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{}})",
          R"({"jsonrpc":"2.0","id":7,"result":{}})"})
        CHECK(protocol.answer(silent).empty());
}

TEST_CASE("mcp: nonsense gets the protocol's own codes") {
    struct Case {
        const char* line;
        int code;
    };
    for (const Case& each :
         {Case{"nonsense", -32700},
          {"[]", -32600},
          {"{}", -32600},
          {"7", -32600},
          {R"({"jsonrpc":"2.0","id":{},"method":"ping"})", -32600},
          {R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})", -32600},
          {R"({"id":1,"method":"ping"})", -32600},
          {R"({"jsonrpc":"2.0","id":1,"method":"resources/list"})", -32601},
          {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rm"}})", -32602},
          {R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})", -32602}}) {
        Answer answer;
        ask(answer, each.line);
        CHECK(answer.json["error"]["code"].as_integer() == each.code);
    }
}
