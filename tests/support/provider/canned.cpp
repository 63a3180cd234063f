// The canned provider answers. Shapes follow the public documentation of each provider; texts are
// invented.
#include <cstdlib>

#include <fmt/format.h>

#include "simdjson.h"
#include "support/provider/answer.h"

namespace provider {

namespace {

// What the canned answers need to know of a request.
struct Wish {
    std::string model;
    bool wants_stream = false;
    bool wants_stream_usage = false;  // OpenAI chat: stream_options.include_usage
    long long input_tokens = 25;
    long long output_tokens = 12;
    long long event_count = 5;
    std::chrono::milliseconds event_delay{0};
    std::size_t text_bytes = 0;
    int status = 200;
    std::string error;

    std::string text() const {
        static constexpr std::string_view words = "The quick meter counts every token it sees. ";
        std::string out{words.substr(0, words.size() - 1)};
        while (out.size() < text_bytes) out += ' ', out += words.substr(0, words.size() - 1);
        return out;
    }
};

Wish read_wish(const Request& request) {
    Wish wish;
    simdjson::dom::parser parser;
    simdjson::dom::element body;
    if (!request.body.empty() && parser.parse(request.body).get(body) == simdjson::SUCCESS) {
        std::string_view model;
        if (body["model"].get(model) == simdjson::SUCCESS) wish.model = model;
        bool flag = false;
        if (body["stream"].get(flag) == simdjson::SUCCESS) wish.wants_stream = flag;
        if (body["stream_options"]["include_usage"].get(flag) == simdjson::SUCCESS)
            wish.wants_stream_usage = flag;
    }
    if (auto model = request.header("x-test-model"); !model.empty()) wish.model = model;
    if (auto tokens = std::string(request.header("x-test-tokens")); !tokens.empty()) {
        wish.input_tokens = std::atoll(tokens.c_str());
        auto comma = tokens.find(',');
        if (comma != tokens.npos) wish.output_tokens = std::atoll(tokens.c_str() + comma + 1);
    }
    wish.event_count = request.number("x-test-events", 5);
    wish.event_delay = std::chrono::milliseconds(request.number("x-test-delay-event-ms", 0));
    wish.text_bytes = static_cast<std::size_t>(request.number("x-test-body-bytes", 0));
    wish.status = static_cast<int>(request.number("x-test-status", 200));
    wish.error = request.header("x-test-error");
    return wish;
}

Content json(std::string text) {
    Content content;
    content.headers = {{"content-type", "application/json"}};
    content.body.push_back({{}, std::move(text)});
    return content;
}

// A stream of server-sent events that is filled step by step.
struct EventStream {
    Content content;
    std::chrono::milliseconds delay;

    explicit EventStream(const Wish& wish) : delay(wish.event_delay) {
        content.headers = {{"content-type", "text/event-stream; charset=utf-8"},
                           {"cache-control", "no-cache"}};
        content.framing = "chunked";
    }
    void event(std::string_view name, const std::string& data) {
        std::string bytes;
        if (!name.empty()) bytes = fmt::format("event: {}\n", name);
        bytes += fmt::format("data: {}\n\n", data);
        content.body.push_back(
            {content.body.empty() ? std::chrono::milliseconds{0} : delay, std::move(bytes)});
    }
};

// The text in `event_count` parts.
std::vector<std::string> split_text(const Wish& wish) {
    auto text = wish.text();
    auto count = static_cast<std::size_t>(wish.event_count < 1 ? 1 : wish.event_count);
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < count; ++i) {
        auto begin = text.size() * i / count;
        parts.push_back(text.substr(begin, text.size() * (i + 1) / count - begin));
    }
    return parts;
}

Content anthropic_messages(const Wish& wish) {
    auto usage = fmt::format(
        R"({{"input_tokens":{},"cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
        R"("cache_creation":{{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}},)"
        R"("output_tokens":{{}},"service_tier":"standard"}})",
        wish.input_tokens);
    auto with_output = [&](long long output) {
        auto text = usage;
        text.replace(text.find("{}"), 2, std::to_string(output));
        return text;
    };
    auto message = [&](std::string_view content, std::string_view stop, long long output) {
        return fmt::format(
            R"({{"id":"msg_test_0001","type":"message","role":"assistant","model":"{}",)"
            R"("content":[{}],"stop_reason":{},"stop_sequence":null,"usage":{}}})",
            wish.model, content, stop, with_output(output));
    };
    if (!wish.wants_stream)
        return json(message(fmt::format(R"({{"type":"text","text":"{}"}})", wish.text()),
                            R"("end_turn")", wish.output_tokens));

    EventStream stream(wish);
    stream.event("message_start", fmt::format(R"({{"type":"message_start","message":{}}})",
                                              message("", "null", 1)));
    stream.event("content_block_start",
                 R"({"type":"content_block_start","index":0,)"
                 R"("content_block":{"type":"text","text":""}})");
    stream.event("ping", R"({"type":"ping"})");
    for (const auto& part : split_text(wish))
        stream.event("content_block_delta",
                     fmt::format(R"({{"type":"content_block_delta","index":0,)"
                                 R"("delta":{{"type":"text_delta","text":"{}"}}}})",
                                 part));
    stream.event("content_block_stop", R"({"type":"content_block_stop","index":0})");
    stream.event("message_delta",
                 fmt::format(R"({{"type":"message_delta","delta":{{"stop_reason":"end_turn",)"
                             R"("stop_sequence":null}},"usage":{{"output_tokens":{}}}}})",
                             wish.output_tokens));
    stream.event("message_stop", R"({"type":"message_stop"})");
    return stream.content;
}

std::string openai_chat_usage(const Wish& wish) {
    return fmt::format(
        R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},)"
        R"("prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},)"
        R"("completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0}}}})",
        wish.input_tokens, wish.output_tokens, wish.input_tokens + wish.output_tokens);
}

Content openai_chat(const Wish& wish) {
    auto usage = openai_chat_usage(wish);
    if (!wish.wants_stream)
        return json(fmt::format(
            R"({{"id":"chatcmpl-test0001","object":"chat.completion","created":1764000000,)"
            R"("model":"{}","choices":[{{"index":0,"message":{{"role":"assistant",)"
            R"("content":"{}"}},"finish_reason":"stop"}}],"usage":{}}})",
            wish.model, wish.text(), usage));

    EventStream stream(wish);
    auto chunk = [&](std::string_view choices, std::string_view usage_field) {
        stream.event("", fmt::format(R"({{"id":"chatcmpl-test0001",)"
                                     R"("object":"chat.completion.chunk","created":1764000000,)"
                                     R"("model":"{}","choices":[{}]{}}})",
                                     wish.model, choices, usage_field));
    };
    std::string_view none = wish.wants_stream_usage ? R"(,"usage":null)" : "";
    chunk(R"({"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null})", none);
    for (const auto& part : split_text(wish))
        chunk(fmt::format(R"({{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}})",
                          part),
              none);
    chunk(R"({"index":0,"delta":{},"finish_reason":"stop"})", none);
    if (wish.wants_stream_usage) chunk("", R"(,"usage":)" + usage);
    stream.event("", "[DONE]");
    return stream.content;
}

Content openai_completions(const Wish& wish) {
    return json(fmt::format(R"({{"id":"cmpl-test0001","object":"text_completion",)"
                            R"("created":1764000000,"model":"{}","choices":[{{"text":"{}",)"
                            R"("index":0,"logprobs":null,"finish_reason":"stop"}}],"usage":{}}})",
                            wish.model, wish.text(), openai_chat_usage(wish)));
}

Content openai_responses(const Wish& wish) {
    auto response = [&](std::string_view status, std::string_view output,
                        std::string_view usage) {
        return fmt::format(
            R"({{"id":"resp_test0001","object":"response","created_at":1764000000,)"
            R"("status":"{}","error":null,"incomplete_details":null,"model":"{}",)"
            R"("output":[{}],"service_tier":"default","usage":{}}})",
            status, wish.model, output, usage);
    };
    auto usage = fmt::format(
        R"({{"input_tokens":{},"input_tokens_details":{{"cached_tokens":0}},)"
        R"("output_tokens":{},"output_tokens_details":{{"reasoning_tokens":0}},)"
        R"("total_tokens":{}}})",
        wish.input_tokens, wish.output_tokens, wish.input_tokens + wish.output_tokens);
    auto item = fmt::format(
        R"({{"id":"msg_test0001","type":"message","status":"completed","role":"assistant",)"
        R"("content":[{{"type":"output_text","annotations":[],"text":"{}"}}]}})",
        wish.text());
    if (!wish.wants_stream) return json(response("completed", item, usage));

    EventStream stream(wish);
    int number = 0;
    stream.event("response.created",
                 fmt::format(R"({{"type":"response.created","sequence_number":{},"response":{}}})",
                             number++, response("in_progress", "", "null")));
    for (const auto& part : split_text(wish))
        stream.event("response.output_text.delta",
                     fmt::format(R"({{"type":"response.output_text.delta","sequence_number":{},)"
                                 R"("item_id":"msg_test0001","output_index":0,)"
                                 R"("content_index":0,"delta":"{}"}})",
                                 number++, part));
    stream.event("response.completed",
                 fmt::format(
                     R"({{"type":"response.completed","sequence_number":{},"response":{}}})",
                     number, response("completed", item, usage)));
    return stream.content;
}

Content openai_embeddings(const Wish& wish) {
    return json(fmt::format(R"({{"object":"list","data":[{{"object":"embedding","index":0,)"
                            R"("embedding":[0.25,-0.5,0.125]}}],"model":"{}",)"
                            R"("usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                            wish.model, wish.input_tokens, wish.input_tokens));
}

Content gemini_generate(const Wish& wish, bool is_stream, bool is_sse) {
    auto usage = fmt::format(R"({{"promptTokenCount":{},"candidatesTokenCount":{},)"
                             R"("totalTokenCount":{}}})",
                             wish.input_tokens, wish.output_tokens,
                             wish.input_tokens + wish.output_tokens);
    auto response = [&](std::string_view text, bool is_last) {
        return fmt::format(R"({{"candidates":[{{"content":{{"parts":[{{"text":"{}"}}],)"
                           R"("role":"model"}}{},"index":0}}],"usageMetadata":{},)"
                           R"("modelVersion":"{}","responseId":"test0001"}})",
                           text, is_last ? R"(,"finishReason":"STOP")" : "", usage, wish.model);
    };
    if (!is_stream) return json(response(wish.text(), true));

    auto parts = split_text(wish);
    if (is_sse) {
        EventStream stream(wish);
        for (std::size_t i = 0; i < parts.size(); ++i)
            stream.event("", response(parts[i], i + 1 == parts.size()));
        return stream.content;
    }
    // Without alt=sse: one JSON array, delivered element by element.
    Content content;
    content.headers = {{"content-type", "application/json"}};
    content.framing = "chunked";
    for (std::size_t i = 0; i < parts.size(); ++i) {
        auto text = (i == 0 ? "[" : ",\r\n") + response(parts[i], i + 1 == parts.size()) +
                    (i + 1 == parts.size() ? "]" : "");
        content.body.push_back({i == 0 ? std::chrono::milliseconds{0} : wish.event_delay, text});
    }
    return content;
}

Content gemini(const Request& request, Wish wish, std::string_view path) {
    auto colon = path.rfind(':');
    auto verb = path.substr(colon + 1);
    auto slash = path.rfind('/', colon);
    if (wish.model.empty()) wish.model = path.substr(slash + 1, colon - slash - 1);
    if (verb == "generateContent") return gemini_generate(wish, false, false);
    if (verb == "streamGenerateContent")
        return gemini_generate(wish, true, request.target.find("alt=sse") != std::string::npos);
    if (verb == "countTokens")
        return json(fmt::format(R"({{"totalTokens":{}}})", wish.input_tokens));
    return json(R"({"embedding":{"values":[0.25,-0.5,0.125]}})");
}

enum class Dialect { anthropic, openai, gemini, other };

// The provider's own error form.
Content error_content(Dialect dialect, const Wish& wish) {
    Content content;
    switch (dialect) {
        case Dialect::anthropic:
            content = json(fmt::format(
                R"({{"type":"error","error":{{"type":"{}","message":"The test provider says no."}},)"
                R"("request_id":"req_test0001"}})",
                wish.error.empty() ? "api_error" : wish.error));
            break;
        case Dialect::gemini:
            content = json(fmt::format(
                R"({{"error":{{"code":{},"message":"The test provider says no.","status":"{}"}}}})",
                wish.status, wish.error.empty() ? "INTERNAL" : wish.error));
            break;
        default:
            content = json(fmt::format(
                R"({{"error":{{"message":"The test provider says no.","type":"{}","param":null,)"
                R"("code":"{}"}}}})",
                wish.error.empty() ? "server_error" : wish.error,
                wish.error.empty() ? "server_error" : wish.error));
    }
    return content;
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

Content make_canned_content(const Request& request) {
    auto wish = read_wish(request);
    auto path = request.path();
    Dialect dialect = Dialect::other;
    if (path == "/v1/messages") dialect = Dialect::anthropic;
    else if (ends_with(path, "/chat/completions") || path == "/v1/completions" ||
             ends_with(path, "/responses") || path == "/v1/embeddings")
        dialect = Dialect::openai;
    else if (path.find(':') != std::string::npos)
        dialect = Dialect::gemini;

    Content content;
    if (wish.status >= 400) content = error_content(dialect, wish);
    else if (dialect == Dialect::anthropic) content = anthropic_messages(wish);
    else if (dialect == Dialect::gemini) content = gemini(request, wish, path);
    else if (ends_with(path, "/chat/completions")) content = openai_chat(wish);
    else if (path == "/v1/completions") content = openai_completions(wish);
    else if (ends_with(path, "/responses")) content = openai_responses(wish);
    else if (path == "/v1/embeddings") content = openai_embeddings(wish);
    else
        content = json(fmt::format(R"({{"served":"{}","text":"{}"}})",
                                   dialect == Dialect::other ? "test" : path, wish.text()));
    content.status = wish.status;
    auto request_id = request.header("x-test-request-id", "req_test0001");
    if (dialect == Dialect::anthropic) content.headers.emplace_back("request-id", request_id);
    else if (dialect == Dialect::openai) content.headers.emplace_back("x-request-id", request_id);
    return content;
}

}  // namespace provider
