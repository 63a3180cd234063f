// RefusalForm: how an API words a refusal (403), so that a client's library reads one of ours as it
// reads its provider's. A field of each shape (providers/shapes/shape.h).
// In:    a sentence for people. Out: the body (JSON), and header fields that belong to the form.
// Pure; never fails.
#pragma once

#include <string>
#include <string_view>

namespace halton::meter {

struct RefusalForm {
    std::string_view name;
    std::string (*write_body)(std::string_view message);
    std::string_view headers = {};  // whole lines, each with its CRLF
};

// The code that stands where an API has room for one of its own.
inline constexpr std::string_view refusal_code = "blocked_by_policy";

namespace refusals {
extern const RefusalForm openai;     // {"error":{"message","type","param","code"}}
extern const RefusalForm anthropic;  // {"type":"error","error":{"type","message"}}
extern const RefusalForm google;     // {"error":{"code","message","status","details"}}
extern const RefusalForm aws;        // {"message"}, the kind in a header
extern const RefusalForm cohere;     // {"message"}
extern const RefusalForm plain;      // {"error":"..."}
extern const RefusalForm problem;    // {"title","status","detail"}
extern const RefusalForm deepgram;   // {"err_code","err_msg"}
extern const RefusalForm watsonx;    // {"errors":[{"code","message"}]}
}  // namespace refusals

// The whole answer: HTTP/1.1 403 with Content-Length. `is_last`: with "Connection: close".
std::string make_refusal(const RefusalForm& form, std::string_view message, bool is_last);

}  // namespace halton::meter
