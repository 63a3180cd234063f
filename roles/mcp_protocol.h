// The Model Context Protocol's server side over lines of JSON-RPC 2.0: negotiation, the list of
// tools, calls of them. What the tools answer is the caller's. Pure.
// In:    one message, a line without its newline. Out: the answer as one line with a newline; none
//        for notifications and answers.
// Fails: never; what makes no sense is answered with the protocol's own error codes.
// Limits: json_depth_max; the caller bounds the line.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace halton::roles {

struct McpTool {
    std::string name;
    std::string description;
    std::string input_schema;  // JSON
};

class McpProtocol {
public:
    // JSON for a tool that is in the list. An error is told to the model as a sentence.
    using Run = std::function<Result<std::string>(std::string_view tool, JsonView arguments)>;

    McpProtocol(std::vector<McpTool> tools, Run run)
        : tools_(std::move(tools)), run_(std::move(run)) {}

    std::string answer(std::string_view line);

private:
    std::string call_tool(const std::string& id, JsonView parameters);

    std::vector<McpTool> tools_;
    Run run_;
};

// Without the white space between values: a message is a line.
std::string to_one_line(std::string_view json);

}  // namespace halton::roles
