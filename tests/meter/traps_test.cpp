// The ways in which answers of real providers mislead a meter, one test each, on invented bodies of
// the recorded forms.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meter/custom_providers.h"
#include "meter/pending_answers.h"
#include "meter/pricing.h"
#include "support/aws_message.h"
#include "support/catch.h"
#include "support/replay.h"

using namespace halton;
using namespace halton::meter;
using namespace halton::test;

namespace {

RecordedExchange make_call(const std::string& host, const std::string& target,
                           const std::string& answer, const std::string& request = "{}") {
    RecordedExchange exchange;
    exchange.host = host;
    exchange.method = "POST";
    exchange.target = target;
    exchange.request_body = request;
    exchange.response_body = answer;
    return exchange;
}

// The one row; the same in every chunking.
CallRecord row_of(const RecordedExchange& exchange, const ProviderTable* providers = nullptr) {
    std::vector<CallRecord> rows;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, std::size_t{4096}}) {
        auto again = replay(exchange, piece, true, PriceBook::bundled(), providers);
        REQUIRE(again.size() == 1);
        if (!rows.empty()) {
            CHECK(again[0].usage == rows[0].usage);
            CHECK(again[0].cost == rows[0].cost);
            CHECK(again[0].status == rows[0].status);
            CHECK(again[0].tokens_complete == rows[0].tokens_complete);
        }
        rows = std::move(again);
    }
    return rows.front();
}

CallRecord row_of(const std::string& host, const std::string& target, const std::string& answer,
                  const std::string& request = "{}") {
    return row_of(make_call(host, target, answer, request));
}

std::string event(const std::string& data) { return "data: " + data + "\n\n"; }
std::string event(const std::string& name, const std::string& data) {
    return "event: " + name + "\ndata: " + data + "\n\n";
}
std::string done() { return event("[DONE]"); }

const std::string claude_host = "api.anthropic.com";
const std::string messages = "/v1/messages";

// A model's own event, as invoke-with-response-stream wraps it.
std::string aws_chunk(const std::string& inner) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string coded;
    for (std::size_t i = 0; i < inner.size(); i += 3) {
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            bits =
                bits << 8 | (i + k < inner.size() ? static_cast<unsigned char>(inner[i + k]) : 0u);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            coded += i + k <= inner.size() ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
        }
    }
    return aws_event("chunk", R"({"bytes":")" + coded + R"("})");
}

std::string message_start(const std::string& usage,
                          const std::string& model = "claude-sonnet-4-5") {
    return event("message_start", R"({"type":"message_start","message":{"model":")" + model +
                                      R"(","usage":)" + usage + "}}");
}
std::string message_delta(const std::string& usage) {
    return event("message_delta", R"({"type":"message_delta","usage":)" + usage + "}");
}
std::string message_stop() { return event("message_stop", R"({"type":"message_stop"})"); }

}  // namespace

TEST_CASE("trap: message_delta revises the input tokens") {
    const auto row = row_of(
        claude_host, messages,
        message_start(R"({"input_tokens":90,"cache_read_input_tokens":0,"output_tokens":1})") +
            message_delta(
                R"({"input_tokens":700,"cache_read_input_tokens":40,"output_tokens":8})") +
            message_stop());
    CHECK(row.usage.input == 700);
    CHECK(row.usage.cache_read == 40);
    CHECK(row.usage.output == 8);
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: message_start comes twice") {
    const std::string start =
        message_start(R"({"input_tokens":60,"cache_creation_input_tokens":5,"output_tokens":1})");
    const auto row =
        row_of(claude_host, messages,
               start + start + message_delta(R"({"output_tokens":7})") + message_stop());
    CHECK(row.usage.input == 60);
    CHECK(row.usage.cache_write == 5);
    CHECK(row.usage.output == 7);
}

TEST_CASE("trap: message_delta without the keys of message_start leaves them") {
    const auto row = row_of(claude_host, messages,
                            message_start(R"({"input_tokens":60,"cache_read_input_tokens":1000})") +
                                message_delta(R"({"output_tokens":7})") + message_stop());
    CHECK(row.usage.input == 60);
    CHECK(row.usage.cache_read == 1000);
}

TEST_CASE("trap: iterations are billed at several models' prices, and sum up to more") {
    const auto row = row_of(
        claude_host, messages,
        R"({"model":"claude-sonnet-4-5","usage":{"input_tokens":10,"output_tokens":5,"iterations":[)"
        R"({"type":"compaction","input_tokens":1000,"output_tokens":100},)"
        R"({"type":"message","input_tokens":10,"output_tokens":5},)"
        R"({"type":"advisor_message","model":"claude-opus-4-8","input_tokens":20,"output_tokens":2}]}})");
    CHECK(row.usage.input == 10);
    CHECK(row.cost == NanoUsd{(1000 + 10) * 3'000 + (100 + 5) * 15'000 + 20 * 5'000 + 2 * 25'000});
}

TEST_CASE("trap: every chunk repeats the counts so far") {
    const auto chunk = [](int output) {
        return event(R"({"model":"sonar","usage":{"prompt_tokens":11,"completion_tokens":)" +
                     std::to_string(output) + R"(},"choices":[{"delta":{"content":"x"}}]})");
    };
    const auto row =
        row_of("api.perplexity.ai", "/chat/completions", chunk(1) + chunk(20) + chunk(34) + done());
    CHECK(row.usage.input == 11);
    CHECK(row.usage.output == 34);
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: the cost is an object") {
    const auto row = row_of(
        "api.perplexity.ai", "/chat/completions",
        R"({"model":"sonar","usage":{"prompt_tokens":11,"completion_tokens":4,"cost":)"
        R"({"input_tokens_cost":0.000011,"output_tokens_cost":0.000004,"request_cost":0.005,)"
        R"("total_cost":0.005015}}})");
    CHECK(row.cost == NanoUsd{5'015'000});
    CHECK(row.cost_state == CostState::exact);
    CHECK(row.rates_source == "provider");
}

TEST_CASE("trap: the counts stand in x_groq only") {
    const auto row = row_of(
        "api.groq.com", "/openai/v1/chat/completions",
        event(R"({"model":"llama-x","x_groq":{"id":"req_1"},"choices":[{"delta":{}}]})") +
            event(R"({"model":"llama-x","choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":)"
                  R"({"id":"req_1","usage":{"prompt_tokens":30,"completion_tokens":9}}})") +
            done());
    CHECK(row.usage.input == 30);
    CHECK(row.usage.output == 9);
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: the counts stand in the choice") {
    const auto row = row_of(
        "api.moonshot.ai", "/v1/chat/completions",
        event(R"({"model":"kimi-x","choices":[{"delta":{"content":"a"}}]})") +
            event(R"({"model":"kimi-x","choices":[{"delta":{},"finish_reason":"stop","usage":)"
                  R"({"prompt_tokens":20,"completion_tokens":6,"cached_tokens":10}}]})") +
            done());
    CHECK(row.usage.input == 20);
    CHECK(row.usage.cache_read == 10);
    CHECK(row.usage.output == 6);
}

TEST_CASE("trap: xAI repeats the counts as context_details") {
    const auto row = row_of(
        "api.x.ai", "/v1/responses",
        R"({"id":"r","model":"grok-4","status":"completed","usage":{"input_tokens":204,)"
        R"("output_tokens":80,"output_tokens_details":{"reasoning_tokens":70},)"
        R"("context_details":{"input_tokens":900,"output_tokens":300},"cost_in_usd_ticks":3206000}})");
    CHECK(row.usage.input == 204);
    CHECK(row.usage.output == 80);
    CHECK(row.cost == NanoUsd{320'600});
}

TEST_CASE("trap: xAI's reasoning comes on top of the completion, and is larger") {
    const auto row =
        row_of("api.x.ai", "/v1/chat/completions",
               R"({"model":"grok-3-mini","usage":{"prompt_tokens":12,"completion_tokens":1,)"
               R"("total_tokens":303,"completion_tokens_details":{"reasoning_tokens":290}}})");
    CHECK(row.usage.output == 1);
    CHECK(row.usage.reasoning == 290);
    CHECK_FALSE(row.usage.output_includes_reasoning);
    CHECK(row.cost == NanoUsd{12 * 300 + (1 + 290) * 500});
}

TEST_CASE("trap: counts of Gemini's chunks go down again") {
    const auto chunk = [](const std::string& usage, const std::string& more) {
        return event(R"({"modelVersion":"gemini-2.5-pro","usageMetadata":)" + usage + more + "}");
    };
    const auto row = row_of(
        "generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
        chunk(R"({"promptTokenCount":50,"candidatesTokenCount":9,"thoughtsTokenCount":40})", "") +
            chunk(R"({"promptTokenCount":48,"candidatesTokenCount":7})",
                  R"(,"candidates":[{"finishReason":"STOP"}])"));
    // The last chunk counts, whole: what it does not say is not carried over.
    CHECK(row.usage.input == 48);
    CHECK(row.usage.output == 7);
    CHECK(row.usage.reasoning == 0);
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: Gemini charges tool prompts on top of the prompt") {
    const auto row = row_of(
        "generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-flash:generateContent",
        R"({"modelVersion":"gemini-2.5-flash","usageMetadata":{"promptTokenCount":10,)"
        R"("toolUsePromptTokenCount":500,"candidatesTokenCount":4,"totalTokenCount":514}})");
    CHECK(row.usage.input == 10);
    CHECK(row.usage.tool_input == 500);
    CHECK(row.cost == NanoUsd{510 * 300 + 4 * 2'500});
}

TEST_CASE("trap: an error inside a good stream") {
    const auto row =
        row_of(claude_host, messages,
               message_start(R"({"input_tokens":60,"output_tokens":2})") +
                   event("error",
                         R"({"type":"error","error":{"type":"overloaded_error","message":"x"}})"));
    CHECK(row.status == "error");
    CHECK(row.http_status == 200);
    REQUIRE(row.error);
    CHECK(row.error->error_class == ErrorClass::server_error);
    CHECK(row.error->is_retryable);
    CHECK(row.usage.input == 60);
    CHECK_FALSE(row.tokens_complete);
}

TEST_CASE("trap: an error inside a good stream that goes on, with a number for a code") {
    const auto row = row_of(
        "openrouter.ai", "/api/v1/chat/completions",
        event(R"({"model":"a/b","error":{"code":429,"message":"slow down"},"choices":[]})") +
            event(
                R"({"model":"a/b","usage":{"prompt_tokens":43,"completion_tokens":10,"cost":0}})") +
            done());
    CHECK(row.status == "error");
    REQUIRE(row.error);
    CHECK(row.error->error_class == ErrorClass::rate_limit);
    CHECK(row.error->is_retryable);
    CHECK(row.error->provider_code == "429");
    CHECK(row.usage.input == 43);
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: an error as a field of its own in a stream") {
    const ProviderTable table({{"llm.example", "openai", "gateway"}});
    const auto row =
        row_of(make_call("llm.example", "/v1/chat/completions",
                         event(R"({"model":"house","usage":null,"choices":[{"delta":{}}]})") +
                             "error: {\"error\":{\"message\":\"failed to decode\"}}\n\n"),
               &table);
    CHECK(row.status == "error");
    REQUIRE(row.error);
    CHECK(row.error->message_hash.size() == 64);
    CHECK_FALSE(row.tokens_complete);
}

TEST_CASE("trap: an error instead of a whole answer, with status 200") {
    const auto row = row_of(
        "r.openai.azure.com", "/openai/deployments/mine/chat/completions",
        R"({"error":{"message":"filtered","type":null,"code":"content_filter","status":400}})");
    CHECK(row.status == "error");
    CHECK(row.http_status == 200);
    REQUIRE(row.error);
    CHECK(row.error->provider_code == "content_filter");
    CHECK(row.error->error_class == ErrorClass::bad_request);
    // The deployment is all that is known of the model.
    CHECK(row.model == "mine");
}

TEST_CASE("trap: error codes are texts, numbers or nothing") {
    const auto code_of = [](int status, const std::string& body) {
        auto exchange = make_call("api.openai.com", "/v1/chat/completions", body);
        exchange.status = status;
        const auto row = row_of(exchange);
        REQUIRE(row.error);
        return row.error->provider_code;
    };
    CHECK(code_of(400, R"({"error":{"code":"unsupported_value","type":"t"}})") ==
          "unsupported_value");
    CHECK(code_of(400, R"({"error":{"code":null,"type":"invalid_request_error"}})") ==
          "invalid_request_error");
    CHECK(code_of(400, R"({"error":{"code":400,"type":"too_many_prompt_tokens"}})") ==
          "too_many_prompt_tokens");
    CHECK(code_of(402, R"({"error":{"code":402,"message":"no credits"}})") == "402");
    CHECK(code_of(500, R"({"error":{"code":7}})") == "");
    CHECK(code_of(500, R"({"error":{}})") == "");
    CHECK(code_of(500, R"({"error":null})") == "");
    CHECK(code_of(502, "<html>") == "");
    CHECK(code_of(500, R"({"error":"a sentence","code":"wobble"})") == "wobble");
}

TEST_CASE("trap: errors without an envelope") {
    const auto error_of = [](const std::string& host, const std::string& path, int status,
                             const std::string& body) {
        auto exchange = make_call(host, path, body);
        exchange.status = status;
        const auto row = row_of(exchange);
        REQUIRE(row.error);
        CHECK(row.error->message_hash.size() == 64);
        return *row.error;
    };
    CHECK(error_of("api.mistral.ai", "/v1/chat/completions", 429,
                   R"({"object":"error","message":"slow","type":"rate_limited","code":"1300"})")
              .provider_code == "1300");
    CHECK(error_of("api.cohere.com", "/v2/chat", 400,
                   R"({"error_type":"TOO_MANY_TOKENS","message":"too many tokens"})")
              .error_class == ErrorClass::context_length_exceeded);
    CHECK(error_of("api.cohere.com", "/v2/chat", 404, R"({"id":"1","message":"no such model"})")
              .error_class == ErrorClass::bad_request);
    CHECK(error_of("api.voyageai.com", "/v1/embeddings", 400, R"({"detail":"no such model"})")
              .error_class == ErrorClass::bad_request);
    CHECK(error_of("us-south.ml.cloud.ibm.com", "/ml/v1/text/generation", 401,
                   R"({"errors":[{"code":"authentication_token_expired","message":"late"}]})")
              .provider_code == "authentication_token_expired");
}

TEST_CASE("trap: the word `message` of a good answer is no error") {
    const auto row = row_of(
        "api.cohere.com", "/v2/chat",
        R"({"id":"1","message":{"role":"assistant","content":[{"type":"text","text":"hi"}]},)"
        R"("usage":{"billed_units":{"input_tokens":5,"output_tokens":2},)"
        R"("tokens":{"input_tokens":70,"output_tokens":4}}})",
        R"({"model":"command-a-03-2025"})");
    CHECK(row.status == "success");
    CHECK(row.usage.input == 5);
    CHECK(row.usage.output == 2);
    CHECK(row.model == "command-a-03-2025");
}

TEST_CASE("trap: the answer names another model than the request") {
    const auto row =
        row_of("api.openai.com", "/v1/chat/completions",
               R"({"model":"gpt-4o-2024-08-06","usage":{"prompt_tokens":1,"completion_tokens":1}})",
               R"({"model":"gpt-4o"})");
    CHECK(row.model == "gpt-4o-2024-08-06");
    CHECK(row.requested_model == "gpt-4o");

    const auto deployed = row_of(
        "r.openai.azure.com", "/openai/deployments/our-model/chat/completions",
        R"({"model":"gpt-4o-2024-08-06","usage":{"prompt_tokens":1,"completion_tokens":1}})");
    CHECK(deployed.model == "gpt-4o-2024-08-06");
    CHECK(deployed.requested_model == "our-model");
}

TEST_CASE("trap: with the customer's own key the stated cost is only the gateway's part") {
    const auto answer = [](const std::string& behind) {
        return R"({"model":"google/gemini-2.5-flash","usage":{"prompt_tokens":480,)"
               R"("completion_tokens":33,"cost":0.000011,"is_byok":true,"cost_details":)"
               R"({"upstream_inference_cost":)" +
               behind + "}}}";
    };
    const auto row = row_of("openrouter.ai", "/api/v1/chat/completions", answer("0.0002265"));
    CHECK(row.cost == NanoUsd{226'500 + 11'000});
    CHECK(row.cost_state == CostState::estimated);
    // Not even an estimate: then the cost is not known, and not the small part.
    const auto unknown = row_of("openrouter.ai", "/api/v1/chat/completions", answer("null"));
    CHECK(unknown.cost != NanoUsd{11'000});
    CHECK(unknown.rates_source != "provider");
}

TEST_CASE("trap: a gateway's cost in somebody else's answer is not what that one charges") {
    const auto row = row_of(
        "api.openai.com", "/v1/chat/completions",
        R"({"model":"gpt-4o","usage":{"prompt_tokens":100,"completion_tokens":20,"cost":9.99}})");
    CHECK(row.cost == NanoUsd{100 * 2'500 + 20 * 10'000});
}

TEST_CASE("trap: embeddings without counts") {
    const auto row = row_of("generativelanguage.googleapis.com",
                            "/v1beta/models/gemini-embedding-001:batchEmbedContents",
                            R"({"embeddings":[{"values":[0.1,0.2]}]})");
    CHECK(row.kind == RequestKind::embedding);
    CHECK(row.usage.input == 0);
    CHECK_FALSE(row.has_usage);
    CHECK(row.tokens_complete);
    CHECK_FALSE(row.cost);  // unknown, which is not zero
}

TEST_CASE("trap: only a total is counted") {
    const auto row = row_of("api.voyageai.com", "/v1/embeddings",
                            R"({"model":"voyage-x","data":[],"usage":{"total_tokens":30}})");
    CHECK(row.usage.input == 30);
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: embeddings that count each text") {
    const auto row =
        row_of("aiplatform.googleapis.com",
               "/v1/projects/p/locations/global/publishers/google/models/text-embedding-x:predict",
               R"({"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":10}}},)"
               R"({"embeddings":{"values":[2],"statistics":{"token_count":12}}}]})");
    CHECK(row.kind == RequestKind::embedding);
    CHECK(row.usage.input == 22);
    CHECK(row.model == "text-embedding-x");
}

TEST_CASE("trap: a background answer's counts come with a later call, and count once") {
    PendingAnswers pending;
    const auto run = [&](const std::string& method, const std::string& target,
                         const std::string& answer) {
        auto exchange =
            make_call("api.openai.com", target, answer, R"({"model":"gpt-5","background":true})");
        exchange.method = method;
        return replay(exchange, 7, true, PriceBook::bundled(), nullptr, &pending);
    };
    const std::string open = R"({"id":"resp_1","model":"gpt-5","status":"queued","usage":null})";
    const std::string ready =
        R"({"id":"resp_1","model":"gpt-5","status":"completed","usage":{"input_tokens":100,"output_tokens":10}})";

    const auto begun = run("POST", "/v1/responses", open);
    REQUIRE(begun.size() == 1);
    CHECK_FALSE(begun[0].tokens_complete);
    CHECK_FALSE(begun[0].cost);
    CHECK(run("GET", "/v1/responses/resp_1", open).empty());
    CHECK(
        run("GET", "/v1/responses/resp_other", R"({"id":"resp_other","usage":{"input_tokens":1}})")
            .empty());
    const auto fetched = run("GET", "/v1/responses/resp_1?include[]=x", ready);
    REQUIRE(fetched.size() == 1);
    CHECK(fetched[0].usage.input == 100);
    CHECK(fetched[0].tokens_complete);
    CHECK(fetched[0].cost == NanoUsd{100 * 1'250 + 10 * 10'000});
    // Polled again, by anybody and any number of times.
    CHECK(run("GET", "/v1/responses/resp_1", ready).empty());
    CHECK(run("GET", "/v1/responses/resp_1", ready).empty());
}

TEST_CASE("trap: fetching an answer that has counted already") {
    PendingAnswers pending;
    const std::string ready =
        R"({"id":"resp_2","model":"gpt-5","status":"completed","usage":{"input_tokens":100,"output_tokens":10}})";
    auto exchange = make_call("api.openai.com", "/v1/responses", ready);
    CHECK(replay(exchange, 99, true, PriceBook::bundled(), nullptr, &pending).size() == 1);
    exchange.method = "GET";
    exchange.target = "/v1/responses/resp_2";
    CHECK(replay(exchange, 99, true, PriceBook::bundled(), nullptr, &pending).empty());
    CHECK(replay(exchange, 99).empty());
}

TEST_CASE("trap: a stream that broke is fetched later") {
    PendingAnswers pending;
    auto exchange = make_call(
        "api.openai.com", "/v1/responses",
        event(
            "response.created",
            R"({"type":"response.created","response":{"id":"resp_3","model":"gpt-5","usage":null}})"));
    CHECK(replay(exchange, 99, false, PriceBook::bundled(), nullptr, &pending).size() == 1);
    exchange.method = "GET";
    exchange.target = "/v1/responses/resp_3?stream=true&starting_after=1";
    exchange.response_body = event(
        "response.completed",
        R"({"type":"response.completed","response":{"id":"resp_3","model":"gpt-5","usage":{"input_tokens":4,"output_tokens":2}}})");
    const auto rows = replay(exchange, 3, true, PriceBook::bundled(), nullptr, &pending);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].usage.output == 2);
    CHECK(rows[0].mode == "streaming");
}

TEST_CASE("trap: polling a prediction repeats its counts") {
    PendingAnswers pending;
    auto exchange =
        make_call("api.replicate.com", "/v1/models/meta/llama/predictions",
                  R"({"id":"p1","model":"meta/llama","status":"starting","error":null})");
    exchange.status = 201;
    CHECK(replay(exchange, 9, true, PriceBook::bundled(), nullptr, &pending).size() == 1);
    exchange.status = 200;
    exchange.method = "GET";
    exchange.target = "/v1/predictions/p1";
    exchange.response_body =
        R"({"id":"p1","model":"meta/llama","status":"succeeded","metrics":{"input_token_count":9,"output_token_count":5,"predict_time":1.5}})";
    const auto rows = replay(exchange, 9, true, PriceBook::bundled(), nullptr, &pending);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].usage.input == 9);
    CHECK(rows[0].usage.output == 5);
    CHECK(replay(exchange, 9, true, PriceBook::bundled(), nullptr, &pending).empty());
}

TEST_CASE("trap: counting tokens is no consumption") {
    const auto check_free = [](const std::string& host, const std::string& path,
                               const std::string& answer) {
        const auto row = row_of(host, path, answer);
        CHECK(row.kind == RequestKind::other);
        CHECK(row.usage.input == 0);
        CHECK(row.cost == NanoUsd{0});
        CHECK(row.tokens_complete);
    };
    check_free(claude_host, "/v1/messages/count_tokens?beta=true", R"({"input_tokens":2095})");
    check_free("api.openai.com", "/v1/responses/input_tokens",
               R"({"object":"response.input_tokens","input_tokens":11})");
    check_free("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:countTokens",
               R"({"totalTokens":31})");
    check_free("bedrock-runtime.us-east-1.amazonaws.com", "/model/anthropic.x-v1%3A0/count-tokens",
               R"({"inputTokens":18})");
}

TEST_CASE("trap: a stream without counts, because nobody asked for them") {
    const auto row =
        row_of("api.openai.com", "/v1/chat/completions",
               event(R"({"model":"gpt-4o","choices":[{"delta":{"content":"x"}}]})") + done(),
               R"({"model":"gpt-4o","stream":true})");
    CHECK_FALSE(row.has_usage);
    CHECK_FALSE(row.tokens_complete);
    CHECK_FALSE(row.cost);
}

TEST_CASE("trap: a stream that finished without its end mark") {
    const auto row = row_of(
        "api.writer.com", "/v1/chat",
        event(
            R"({"model":"palmyra-x5","choices":[{"delta":{},"finish_reason":"stop"}],"usage":null})") +
            event(
                R"({"model":"palmyra-x5","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}})"));
    CHECK(row.usage.input == 9);
    CHECK_FALSE(row.tokens_complete);
}

TEST_CASE("trap: counts stand in the head only") {
    auto exchange = make_call("bedrock-runtime.us-east-1.amazonaws.com",
                              "/model/ai21.j2-mid-v1/invoke", R"({"completions":[{"data":{}}]})");
    exchange.response_headers = {{"X-Amzn-Bedrock-Input-Token-Count", "10"},
                                 {"X-Amzn-Bedrock-Output-Token-Count", "12"},
                                 {"x-amzn-requestid", "r-1"}};
    auto row = row_of(exchange);
    CHECK(row.usage.input == 10);
    CHECK(row.usage.output == 12);
    CHECK(row.model == "ai21.j2-mid-v1");
    CHECK(row.tokens_complete);
    CHECK(row.provider_request_id == "r-1");

    exchange = make_call("e.us-east-1.aws.endpoints.huggingface.cloud", "/",
                         R"([{"generated_text":"x","details":{"finish_reason":"eos_token"}}])");
    exchange.response_headers = {{"x-prompt-tokens", "16"}, {"x-generated-tokens", "75"}};
    row = row_of(exchange);
    CHECK(row.usage.input == 16);
    CHECK(row.usage.output == 75);
    CHECK(row.mode == "standard");
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: the error's code stands in the head only") {
    auto exchange = make_call("bedrock-runtime.eu-west-1.amazonaws.com",
                              "/model/us.amazon.nova-2-lite-v1:0/converse",
                              R"({"message":"Number of input tokens exceeds maximum length"})");
    exchange.status = 400;
    exchange.response_headers = {{"x-amzn-ErrorType", "ValidationException:http://internal/"}};
    auto row = row_of(exchange);
    REQUIRE(row.error);
    CHECK(row.error->provider_code == "ValidationException");
    CHECK(row.error->error_class == ErrorClass::context_length_exceeded);
    CHECK(row.error->message_hash.size() == 64);

    exchange.status = 403;
    exchange.response_headers = {{"x-amzn-errortype", "UnrecognizedClientException"}};
    CHECK(row_of(exchange).error->error_class == ErrorClass::auth);
    exchange.response_headers = {{"x-amzn-errortype", "AccessDeniedException:x"}};
    CHECK(row_of(exchange).error->error_class == ErrorClass::permission);
}

TEST_CASE("trap: a model in a path is an ARN, escaped") {
    const auto row =
        row_of("bedrock-runtime.us-east-1.amazonaws.com",
               "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x-v1%3A0/"
               "converse",
               R"({"usage":{"inputTokens":7,"outputTokens":3,"cacheReadInputTokens":100,)"
               R"("cacheWriteInputTokens":50,"cacheDetails":[{"ttl":"5m","inputTokens":20},)"
               R"({"ttl":"1h","inputTokens":30}]}})");
    CHECK(row.model == "arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0");
    CHECK(row.usage.input == 7);
    CHECK(row.usage.cache_read == 100);
    CHECK(row.usage.cache_write == 50);
    CHECK(row.usage.cache_write_1h == 30);
    CHECK_FALSE(row.usage.input_includes_cache);
}

TEST_CASE("trap: a router's path does not say which model answered") {
    const auto row = row_of(
        "bedrock-runtime.us-east-1.amazonaws.com",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Adefault-prompt-router%2Famazon.nova%3A1/"
        "converse",
        R"({"usage":{"inputTokens":1000,"outputTokens":3},"trace":{"promptRouter":{)"
        R"("invokedModelId":"arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0"}}})");
    CHECK(row.model == "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0");
    CHECK(row.requested_model.ends_with("default-prompt-router/amazon.nova:1"));
    CHECK(row.cost == NanoUsd{1000 * 60 + 3 * 240});
}

TEST_CASE("trap: a model's own counts and the metrics beside them differ") {
    const auto row = row_of(
        "bedrock-runtime.us-east-1.amazonaws.com",
        "/model/us.anthropic.claude-x/invoke-with-response-stream",
        aws_chunk(
            R"({"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":392,"output_tokens":4}}})") +
            aws_chunk(R"({"type":"message_delta","delta":{},"usage":{"output_tokens":134}})") +
            aws_chunk(
                R"({"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":392,"outputTokenCount":90}})"));
    CHECK(row.usage.input == 392);
    CHECK(row.usage.output == 134);
    CHECK(row.model == "claude-x");
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: a model that counts nothing itself has metrics only") {
    const auto row = row_of(
        "bedrock-runtime.us-east-1.amazonaws.com",
        "/model/amazon.titan-text-lite-v1/invoke-with-response-stream",
        aws_chunk(R"({"outputText":"hi","index":0})") +
            aws_chunk(
                R"({"outputText":"","amazon-bedrock-invocationMetrics":{"inputTokenCount":8,"outputTokenCount":3}})"));
    CHECK(row.usage.input == 8);
    CHECK(row.usage.output == 3);
    CHECK(row.tokens_complete);
    CHECK(row.mode == "streaming");
}

TEST_CASE("trap: an exception ends a good stream of messages") {
    const auto row = row_of("bedrock-runtime.us-east-1.amazonaws.com",
                            "/model/amazon.nova-micro-v1%3A0/converse-stream",
                            aws_event("messageStart", R"({"role":"assistant"})") +
                                aws_message({{":message-type", "exception"},
                                             {":exception-type", "modelStreamErrorException"}},
                                            R"({"message":"sorry"})"));
    CHECK(row.status == "error");
    REQUIRE(row.error);
    CHECK(row.error->provider_code == "modelStreamErrorException");
    CHECK(row.error->error_class == ErrorClass::server_error);
    CHECK_FALSE(row.tokens_complete);
}

TEST_CASE("trap: the last of many messages has the counts") {
    const auto row = row_of(
        "bedrock-runtime.us-east-1.amazonaws.com",
        "/model/amazon.nova-micro-v1%3A0/converse-stream",
        aws_event("contentBlockDelta", R"({"delta":{"text":"hi"}})") +
            aws_event("messageStop", R"({"stopReason":"end_turn"})") +
            aws_event("metadata", R"({"usage":{"inputTokens":7,"outputTokens":2},"metrics":{}})"));
    CHECK(row.usage.input == 7);
    CHECK(row.usage.output == 2);
    CHECK(row.model == "amazon.nova-micro-v1:0");
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: the path does not tell an embedding from a chat") {
    const std::string host = "bedrock-runtime.us-east-1.amazonaws.com";
    CHECK(row_of(host, "/model/m/invoke", R"({"embedding":[0.1],"inputTextTokenCount":4})").kind ==
          RequestKind::embedding);
    CHECK(
        row_of(host, "/model/m/invoke", R"({"embeddings":{},"response_type":"embeddings_floats"})")
            .kind == RequestKind::embedding);
    CHECK(row_of(host, "/model/m/invoke", R"({"results":[{"index":1,"relevance_score":0.8}]})")
              .kind == RequestKind::other);
    const auto text = row_of(
        host, "/model/m/invoke",
        R"({"inputTextTokenCount":4,"results":[{"tokenCount":6,"outputText":"x"},{"tokenCount":2}]})");
    CHECK(text.kind == RequestKind::chat);
    CHECK(text.usage.output == 8);
}

TEST_CASE("trap: Cohere bills other units than it counts, and cached ones not at all") {
    const auto row = row_of(
        "api.cohere.com", "/v2/chat",
        event("content-delta", R"({"type":"content-delta","delta":{"message":{"content":{}}}})") +
            event("message-end",
                  R"({"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":)"
                  R"({"billed_units":{"input_tokens":12,"output_tokens":7},)"
                  R"("tokens":{"input_tokens":507,"output_tokens":10},"cached_tokens":448}}})"));
    CHECK(row.usage.input == 12);
    CHECK(row.usage.output == 7);
    CHECK(row.usage.cache_read == 448);
    CHECK(row.tokens_complete);
}

TEST_CASE("trap: lines of JSON, of which the last counts, and a prompt that was cached whole") {
    const auto row =
        row_of("ollama.com", "/api/chat",
               "{\"model\":\"gpt-oss:120b\",\"message\":{\"content\":\"a\"},\"done\":false}\n"
               "{\"model\":\"gpt-oss:120b\",\"done\":true,\"eval_count\":58}\n");
    CHECK(row.model == "gpt-oss:120b");
    CHECK(row.usage.input == 0);
    CHECK(row.usage.output == 58);
    CHECK(row.mode == "streaming");
    CHECK(row.tokens_complete);
    const auto cut = row_of("ollama.com", "/api/chat",
                            "{\"model\":\"m\",\"done\":false}\n{\"model\":\"m\",\"done\":false}\n");
    CHECK_FALSE(cut.tokens_complete);
}

TEST_CASE("trap: the answer has the maker's name of a model, the price list the seller's") {
    const auto row = row_of(
        "bedrock-runtime.us-east-1.amazonaws.com",
        "/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke",
        R"({"type":"message","model":"claude-3-haiku-20240307","content":[],)"
        R"("usage":{"input_tokens":1000,"output_tokens":100}})");
    CHECK(row.model == "claude-3-haiku-20240307");
    CHECK(row.cost == NanoUsd{1000 * 250 + 100 * 1'250});
    // Elsewhere the request's name is a wish, and no price.
    const auto renamed = row_of(
        "api.openai.com", "/v1/chat/completions",
        R"({"model":"nobody-knows-this","usage":{"prompt_tokens":1,"completion_tokens":1}})",
        R"({"model":"gpt-4o"})");
    CHECK_FALSE(renamed.cost);
}
