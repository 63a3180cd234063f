#include "support/provider/responses.h"

#include <fmt/format.h>

namespace provider {

namespace {

std::string text_of(const ResponsesAnswer& answer) {
    std::string text;
    for (const auto& part : answer.parts) text += part;
    return text;
}

std::string part_of(std::string_view text) {
    return fmt::format(R"({{"type":"output_text","annotations":[],"text":"{}"}})", text);
}

std::string item_of(std::string_view status, std::string_view parts) {
    return fmt::format(R"({{"id":"msg_test0001","type":"message","status":"{}","role":"assistant",)"
                       R"("content":[{}]}})",
                       status, parts);
}

}  // namespace

std::vector<std::string> split_text(std::string_view text, long long count) {
    const auto parts_count = static_cast<std::size_t>(count < 1 ? 1 : count);
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < parts_count; ++i) {
        const auto begin = text.size() * i / parts_count;
        parts.emplace_back(text.substr(begin, text.size() * (i + 1) / parts_count - begin));
    }
    return parts;
}

std::string make_response(const ResponsesAnswer& answer, std::string_view status) {
    const bool is_completed = status == "completed";
    std::string usage = "null", output, error = "null";
    if (is_completed && answer.usage) {
        usage =
            fmt::format(R"({{"input_tokens":{},"input_tokens_details":{{"cached_tokens":0}},)"
                        R"("output_tokens":{},"output_tokens_details":{{"reasoning_tokens":0}},)"
                        R"("total_tokens":{}}})",
                        answer.usage->input_tokens, answer.usage->output_tokens,
                        answer.usage->input_tokens + answer.usage->output_tokens);
        output = item_of("completed", part_of(text_of(answer)));
    }
    if (status == "failed")
        error = fmt::format(R"({{"code":"{}","message":"The test provider says no."}})",
                            answer.failure);
    const auto model = answer.model.empty() ? "" : fmt::format(R"("model":"{}",)", answer.model);
    return fmt::format(R"({{"id":"{}","object":"response","created_at":1764000000,)"
                       R"("status":"{}","error":{},"incomplete_details":null,{})"
                       R"("output":[{}],"service_tier":"default","usage":{}}})",
                       answer.id, status, error, model, output, usage);
}

std::vector<std::pair<std::string, std::string>> make_responses_events(
    const ResponsesAnswer& answer) {
    std::vector<std::pair<std::string, std::string>> events;
    const auto say = [&](const std::string& type, std::string_view fields) {
        events.emplace_back(type, fmt::format(R"({{"type":"{}","sequence_number":{},{}}})", type,
                                              events.size(), fields));
    };
    const auto say_state = [&](const std::string& name, std::string_view status) {
        say("response." + name, R"("response":)" + make_response(answer, status));
    };
    constexpr std::string_view place =
        R"("item_id":"msg_test0001","output_index":0,"content_index":0,)";
    say_state("created", "in_progress");
    if (answer.usage || answer.is_cut || !answer.failure.empty()) {
        say("response.output_item.added",
            R"("output_index":0,"item":)" + item_of("in_progress", ""));
        say("response.content_part.added", fmt::format(R"({}"part":{})", place, part_of("")));
        for (const auto& part : answer.parts)
            say("response.output_text.delta", fmt::format(R"({}"delta":"{}")", place, part));
    }
    if (answer.is_cut) return events;
    if (!answer.failure.empty()) {
        say_state("failed", "failed");
        return events;
    }
    if (answer.usage) {
        const auto text = text_of(answer);
        say("response.output_text.done", fmt::format(R"({}"text":"{}")", place, text));
        say("response.content_part.done", fmt::format(R"({}"part":{})", place, part_of(text)));
        say("response.output_item.done",
            R"("output_index":0,"item":)" + item_of("completed", part_of(text)));
    }
    say_state("completed", "completed");
    return events;
}

}  // namespace provider
