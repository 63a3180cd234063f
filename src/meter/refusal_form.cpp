#include "meter/refusal_form.h"

#include <fmt/format.h>

#include "base/json.h"

namespace halton::meter {
namespace {

std::string quote(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string write_openai(std::string_view message) {
    return fmt::format(
        R"({{"error":{{"message":{},"type":"permission_error","param":null,"code":"{}"}}}})",
        quote(message), refusal_code);
}

std::string write_anthropic(std::string_view message) {
    return fmt::format(
        R"({{"type":"error","error":{{"type":"permission_error","message":{}}},"request_id":null}})",
        quote(message));
}

std::string write_google(std::string_view message) {
    return fmt::format(
        R"({{"error":{{"code":403,"message":{},"status":"PERMISSION_DENIED","details":[{{)"
        R"("@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BLOCKED_BY_POLICY",)"
        R"("domain":"halton-meter"}}]}}}})",
        quote(message));
}

std::string write_message(std::string_view message) {
    return fmt::format(R"({{"message":{}}})", quote(message));
}

std::string write_plain(std::string_view message) {
    return fmt::format(R"({{"error":{}}})", quote(message));
}

std::string write_problem(std::string_view message) {
    return fmt::format(R"({{"title":"Forbidden","status":403,"detail":{}}})", quote(message));
}

std::string write_deepgram(std::string_view message) {
    return fmt::format(R"({{"err_code":"FORBIDDEN","err_msg":{}}})", quote(message));
}

std::string write_watsonx(std::string_view message) {
    return fmt::format(R"({{"errors":[{{"code":"{}","message":{}}}],"status_code":403}})",
                       refusal_code, quote(message));
}

}  // namespace

namespace refusals {
const RefusalForm openai{"openai", write_openai};
const RefusalForm anthropic{"anthropic", write_anthropic};
const RefusalForm google{"google", write_google};
const RefusalForm aws{"aws", write_message, "x-amzn-errortype: AccessDeniedException\r\n"};
const RefusalForm cohere{"cohere", write_message};
const RefusalForm plain{"plain", write_plain};
const RefusalForm problem{"problem", write_problem};
const RefusalForm deepgram{"deepgram", write_deepgram};
const RefusalForm watsonx{"watsonx", write_watsonx};
}  // namespace refusals

std::string make_refusal(const RefusalForm& form, std::string_view message, bool is_last) {
    const auto body = form.write_body(message);
    // The SDKs of OpenAI and Anthropic go by x-should-retry before anything else.
    return fmt::format(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
        "x-halton-reason: policy\r\nx-should-retry: false\r\n{}{}\r\n{}",
        body.size(), form.headers, is_last ? "Connection: close\r\n" : "", body);
}

}  // namespace halton::meter
