#include "roles/mcp_protocol.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "base/version.h"

namespace halton::roles {
namespace {

// Newest first. What we use of them is the same in all; 2025-03-26 alone wants batches.
constexpr std::array<std::string_view, 2> known_versions{"2025-06-18", "2024-11-05"};

constexpr int parse_error = -32700;
constexpr int invalid_request = -32600;
constexpr int method_not_found = -32601;
constexpr int invalid_params = -32602;

std::string quoted(std::string_view text) {
    std::string json;
    append_json_string(json, text);
    return json;
}

// As it came; nothing for what may be no id.
std::optional<std::string> read_id(JsonView id) {
    if (const auto text = id.as_string()) return quoted(*text);
    if (const auto number = id.as_integer()) return fmt::format("{}", *number);
    return std::nullopt;
}

std::string to_error(const std::string& id, int code, std::string_view text) {
    return fmt::format(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"error\":{{\"code\":{},\"message\":{}}}}}\n", id, code,
        quoted(text));
}

std::string to_result(const std::string& id, std::string_view result) {
    return fmt::format("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{}}}\n", id, result);
}

}  // namespace

std::string to_one_line(std::string_view json) {
    std::string line;
    bool is_in_string = false;
    bool is_escaped = false;
    for (const char c : json) {
        if (is_in_string) {
            line += c;
            if (is_escaped)
                is_escaped = false;
            else if (c == '\\')
                is_escaped = true;
            else if (c == '"')
                is_in_string = false;
            continue;
        }
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        is_in_string = c == '"';
        line += c;
    }
    return line;
}

std::string McpProtocol::call_tool(const std::string& id, JsonView parameters) {
    const auto name = parameters["name"].as_string();
    const auto tool = std::find_if(tools_.begin(), tools_.end(),
                                   [&](const McpTool& each) { return name && each.name == *name; });
    if (tool == tools_.end())
        return to_error(id, invalid_params,
                        fmt::format("no tool '{}'", to_safe_text(name.value_or(""), 60)));
    const auto made = run_(tool->name, parameters["arguments"]);
    if (!made)
        return to_result(
            id, fmt::format("{{\"content\":[{{\"type\":\"text\",\"text\":{}}}],\"isError\":true}}",
                            quoted(made.error().context)));
    const auto json = to_one_line(*made);
    // Once for programs, and once as text for clients that know no structured content.
    return to_result(id, fmt::format("{{\"content\":[{{\"type\":\"text\",\"text\":{}}}],"
                                     "\"structuredContent\":{}}}",
                                     quoted(json), json));
}

std::string McpProtocol::answer(std::string_view line) {
    JsonParser parser;
    const auto message = parser.parse(line);
    if (!message) return to_error("null", parse_error, "this is no JSON");
    if (!message->is_object()) return to_error("null", invalid_request, "one message a line");
    const auto id = read_id((*message)["id"]);
    const auto method = (*message)["method"].as_string();
    if (!method) {
        // An answer to something that we never asked; or nonsense.
        if (id) return {};
        return to_error("null", invalid_request, "a message needs a method");
    }
    if (!id) {
        // A notification is never answered, and none of them needs us to do anything. An id that
        // is there and makes no sense is no notification.
        return (*message)["id"].is_present() ? to_error("null", invalid_request, "odd id")
                                             : std::string();
    }
    if ((*message)["jsonrpc"].as_string() != "2.0")
        return to_error(*id, invalid_request, "this is not JSON-RPC 2.0");
    const auto parameters = (*message)["params"];
    if (*method == "initialize") {
        const auto wanted = parameters["protocolVersion"].as_string();
        const auto known = std::find(known_versions.begin(), known_versions.end(),
                                     wanted.value_or(std::string_view()));
        const auto version_of_both =
            known == known_versions.end() ? known_versions.front() : *known;
        return to_result(
            *id, fmt::format("{{\"protocolVersion\":{},\"capabilities\":{{\"tools\":{{}}}},"
                             "\"serverInfo\":{{\"name\":\"halton-meter\",\"version\":{}}},"
                             "\"instructions\":{}}}",
                             quoted(version_of_both), quoted(version()),
                             quoted("What the LLM calls of this machine cost, as measured on the "
                                    "wire. Read-only. Money is in US dollars; plan use is covered "
                                    "by a subscription and never added to spend; an unknown price "
                                    "is not zero.")));
    }
    if (*method == "ping") return to_result(*id, "{}");
    if (*method == "tools/list") {
        std::string list;
        for (const auto& tool : tools_)
            list += fmt::format(
                "{}{{\"name\":{},\"description\":{},\"inputSchema\":{},"
                "\"annotations\":{{\"readOnlyHint\":true}}}}",
                list.empty() ? "" : ",", quoted(tool.name), quoted(tool.description),
                tool.input_schema);
        return to_result(*id, fmt::format("{{\"tools\":[{}]}}", list));
    }
    if (*method == "tools/call") return call_tool(*id, parameters);
    return to_error(*id, method_not_found,
                    fmt::format("no method '{}'", to_safe_text(*method, 60)));
}

}  // namespace halton::roles
