// The canned provider answers. Shapes follow the public documentation of each provider; texts are
// invented.
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "simdjson.h"
#include "support/provider/answer.h"
#include "support/provider/responses.h"

namespace provider {

namespace {

// What the canned answers need to know of a request.
struct Wish {
    std::string model;
    bool wants_stream = false;
    bool wants_stream_usage = false;  // OpenAI chat: stream_options.include_usage
    long long input_tokens = 0;
    long long output_tokens = 0;
    long long event_count = 5;
    std::chrono::milliseconds event_delay{0};
    std::string words;
    std::size_t text_bytes = 0;
    int status = 200;
    std::string error;

    std::string text() const {
        std::string out = words;
        while (out.size() < text_bytes) out += ' ', out += words;
        return out;
    }
    std::vector<std::string> parts() const { return split_text(text(), event_count); }
};

Wish read_wish(const Request& request, const Canned& canned) {
    Wish wish;
    wish.words = canned.text;
    wish.input_tokens = canned.input_tokens;
    wish.output_tokens = canned.output_tokens;
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
    wish.event_delay = std::chrono::milliseconds(
        request.number("x-test-delay-event-ms", canned.pause.count()));
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
    for (const auto& part : wish.parts())
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
    for (const auto& part : wish.parts())
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
    ResponsesAnswer answer;
    answer.model = wish.model;
    answer.parts = wish.parts();
    answer.usage = Usage{wish.model, wish.input_tokens, wish.output_tokens};
    if (!wish.wants_stream) return json(make_response(answer, "completed"));
    EventStream stream(wish);
    for (const auto& [name, data] : make_responses_events(answer)) stream.event(name, data);
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

    auto parts = wish.parts();
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

// What it reports goes back, `content` becomes the answer.
std::optional<Usage> gemini(const Request& request, Wish wish, std::string_view path,
                            Content& content) {
    auto colon = path.rfind(':');
    auto verb = path.substr(colon + 1);
    auto slash = path.rfind('/', colon);
    if (wish.model.empty()) wish.model = path.substr(slash + 1, colon - slash - 1);
    Usage usage{wish.model, wish.input_tokens, wish.output_tokens};
    if (verb == "generateContent") {
        content = gemini_generate(wish, false, false);
        return usage;
    }
    if (verb == "streamGenerateContent") {
        const bool is_sse = request.target.find("alt=sse") != std::string::npos;
        content = gemini_generate(wish, true, is_sse);
        return usage;
    }
    if (verb == "countTokens")
        content = json(fmt::format(R"({{"totalTokens":{}}})", wish.input_tokens));
    else content = json(R"({"embedding":{"values":[0.25,-0.5,0.125]}})");
    return std::nullopt;
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

Content make_canned_content(const Request& request, const Canned& canned) {
    auto wish = read_wish(request, canned);
    auto path = request.path();
    Dialect dialect = Dialect::other;
    if (path == "/v1/messages" || path == "/v1/messages/count_tokens") dialect = Dialect::anthropic;
    else if (ends_with(path, "/chat/completions") || path == "/v1/completions" ||
             ends_with(path, "/responses") || path == "/v1/embeddings")
        dialect = Dialect::openai;
    else if (path.find(':') != std::string::npos)
        dialect = Dialect::gemini;

    Content content;
    std::optional<Usage> usage = Usage{wish.model, wish.input_tokens, wish.output_tokens};
    if (wish.status >= 400) {
        content = error_content(dialect, wish);
        usage.reset();
    } else if (path == "/v1/messages/count_tokens") {
        content = json(fmt::format(R"({{"input_tokens":{}}})", wish.input_tokens));
        usage.reset();
    } else if (dialect == Dialect::anthropic) {
        content = anthropic_messages(wish);
    } else if (dialect == Dialect::gemini) {
        usage = gemini(request, wish, path, content);
    } else if (ends_with(path, "/chat/completions")) {
        content = openai_chat(wish);
        if (wish.wants_stream && !wish.wants_stream_usage) usage.reset();
    } else if (path == "/v1/completions") {
        content = openai_completions(wish);
    } else if (ends_with(path, "/responses")) {
        content = openai_responses(wish);
    } else if (path == "/v1/embeddings") {
        content = openai_embeddings(wish);
        usage->output_tokens = 0;
    } else {
        content = json(fmt::format(R"({{"served":"test","text":"{}"}})", wish.text()));
        usage.reset();
    }
    content.status = wish.status;
    content.usage = std::move(usage);
    const auto request_id = request.header("x-test-request-id", canned.request_id);
    if (dialect == Dialect::anthropic) content.headers.emplace_back("request-id", request_id);
    else if (dialect == Dialect::openai) content.headers.emplace_back("x-request-id", request_id);
    return content;
}

}  // namespace provider
