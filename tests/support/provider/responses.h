// The events of one answer of OpenAI's Responses API, the same on a stream of events and on a
// WebSocket. Pure: values in, JSON out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/provider/answer.h"

namespace provider {

struct ResponsesAnswer {
    std::string id = "resp_test0001";
    std::string model;               // empty: not said
    std::vector<std::string> parts;  // of the text
    std::optional<Usage> usage;      // none: a warm-up, which says nothing
    std::string failure;             // not empty: the code of response.failed, at the end
    bool is_cut = false;             // nothing behind the text
};

// The text in that many parts of about the same length.
std::vector<std::string> split_text(std::string_view text, long long count);

// The response as a whole, with that status.
std::string make_response(const ResponsesAnswer& answer, std::string_view status);

// Its events in order: type and data.
std::vector<std::pair<std::string, std::string>> make_responses_events(
    const ResponsesAnswer& answer);

}  // namespace provider
