#include "meter/observer.h"

#include <memory>
#include <string>

#include "base/limits.h"
#include "http/tap.h"
#include "meter/body_capture.h"
#include "support/catch.h"
#include "support/feed.h"
#include "support/h2_bytes.h"
#include "support/replay.h"
#include "support/websocket.h"

using namespace halton;
using namespace halton::meter;
using namespace halton::test;

namespace {

class BodySink : public CollectingSink {
public:
    void offer_with_bodies(CallRecord call, std::unique_ptr<CallBodies> kept) noexcept override {
        bodies.push_back(kept->request.held.text() + " | " + kept->response.held.text());
        offer(std::move(call));
    }
    std::vector<std::string> bodies;
};

// A connection as the intercept code drives it: bytes into the tap, its events to the observer.
class Connection {
public:
    explicit Connection(const std::string& host, const std::string& protocol = {},
                        const CaptureSwitches* captures = nullptr,
                        std::optional<bool> haltonrc_capture = std::nullopt)
        : tap_(protocol),
          observer_(std::make_unique<CallObserver>(
              ConnectionFacts{host, "demo", "git", "/home/ada/demo", nullptr, nullptr, nullptr,
                              "/home/ada/demo", "main", "claude", captures, haltonrc_capture,
                              &running_},
              PriceBook::bundled(), sink_,
              clock_)) {}

    void send(std::string_view bytes) { feed(http::Direction::to_upstream, bytes); }
    void receive(std::string_view bytes) { feed(http::Direction::to_client, bytes); }
    void fail(ErrorKind kind, Leg leg) { observer_->on_failure(Error{kind, leg, "test"}); }
    void finish(http::Direction direction) {
        events_.clear();
        tap_.finish(direction, events_);
        observer_->on_events(events_);
    }
    void abort() {
        events_.clear();
        tap_.abort(events_);
        observer_->on_events(events_);
    }
    void close() { observer_.reset(); }
    void wait(int ms) { clock_.advance(std::chrono::milliseconds(ms)); }

    std::int64_t running_count() const { return running_.count; }
    // "request | answer" of each captured call.
    const std::vector<std::string>& bodies() const { return sink_.bodies; }
    const std::vector<CallRecord>& rows() const { return sink_.calls; }
    const CallRecord& row() const {
        REQUIRE(sink_.calls.size() == 1);
        return sink_.calls.front();
    }

private:
    void feed(http::Direction direction, std::string_view bytes) {
        events_.clear();
        tap_.feed(direction, bytes, events_);
        observer_->on_events(events_);
    }

    RunningCalls running_;
    FakeClock clock_;
    BodySink sink_;
    http::Tap tap_;
    http::EventList events_;
    std::unique_ptr<CallObserver> observer_;
};

std::string request(const std::string& target, const std::string& body) {
    return "POST " + target + " HTTP/1.1\r\nHost: x\r\nUser-Agent: tool/1.0\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string response(const std::string& status, const std::string& body,
                     const std::string& more = {}) {
    return "HTTP/1.1 " + status + "\r\nx-request-id: req_7\r\n" + more +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::string chat_body = R"({"model":"gpt-4o","messages":[]})";
const std::string chat_answer =
    R"({"model":"gpt-4o-2024-08-06","usage":{"prompt_tokens":100,"completion_tokens":20},)"
    R"("service_tier":"default"})";

}  // namespace

TEST_CASE("a call becomes one row with everything that is known") {
    Connection connection("api.openai.com");
    connection.send(request("/v1/chat/completions?key=private", chat_body));
    connection.wait(5);
    connection.receive("HTTP/1.1 200 OK\r\nx-request-id: req_7\r\nContent-Length: " +
                       std::to_string(chat_answer.size()) + "\r\n\r\n");
    connection.wait(7);
    connection.receive(chat_answer);

    const CallRecord& row = connection.row();
    CHECK(row.id.size() == 36);
    CHECK(row.client.tool == "tool");
    CHECK(row.client.version == "1.0");
    CHECK(row.project_folder == "/home/ada/demo");
    CHECK(row.git_branch == "main");
    CHECK(to_iso8601(row.requested_at) == "2026-11-21T01:02:03.000000Z");
    CHECK(row.provider == "openai");
    CHECK(row.model == "gpt-4o-2024-08-06");
    CHECK(row.requested_model == "gpt-4o");
    CHECK(row.mode == "standard");
    CHECK(row.kind == RequestKind::chat);
    CHECK(row.method == "POST");
    CHECK(row.host == "api.openai.com");
    CHECK(row.path == "/v1/chat/completions");
    CHECK(row.usage.input == 100);
    CHECK(row.usage.output == 20);
    CHECK(row.has_usage);
    CHECK(row.tokens_complete);
    REQUIRE(row.cost);
    CHECK(row.cost->value == 100 * 2'500 + 20 * 10'000);
    CHECK(row.cost_state == CostState::exact);
    CHECK(row.rates_source == "bundled-2026-08-21");
    CHECK(row.service_tier == "default");
    CHECK(row.latency_ms == 12.0);
    CHECK(row.time_to_first_byte_ms == 5.0);
    CHECK(row.status == "success");
    CHECK(row.http_status == 200);
    CHECK_FALSE(row.error);
    CHECK(row.provider_request_id == "req_7");
    CHECK(row.user_agent == "tool/1.0");
    CHECK(row.project_slug == "demo");
    CHECK(row.attribution_layer == "git");
    CHECK(row.source_workdir == "/home/ada/demo");
}

TEST_CASE("sessions and sub-agents are those of each request, not of the connection") {
    Connection connection("api.openai.com");
    for (const char* more : {"session-id: s-1\r\nthread-id: t-1\r\n",
                             "session-id: s-2\r\nx-openai-subagent: review\r\n", ""}) {
        auto text = request("/v1/chat/completions", chat_body);
        text.insert(text.find("User-Agent"), more);
        connection.send(text);
        connection.receive(response("200 OK", chat_answer));
    }
    REQUIRE(connection.rows().size() == 3);
    CHECK(connection.rows()[0].client.session_id == "s-1");
    CHECK(connection.rows()[0].client.thread_id == "t-1");
    CHECK(connection.rows()[1].client.session_id == "s-2");
    CHECK(connection.rows()[1].client.agent_name == "review");
    CHECK(connection.rows()[1].client.thread_id.empty());
    CHECK(connection.rows()[2].client.session_id.empty());
}

TEST_CASE("calls count as running from their request to their end") {
    Connection connection("api.openai.com");
    const auto call = request("/v1/chat/completions", chat_body);
    CHECK(connection.running_count() == 0);
    connection.send(call.substr(0, call.size() - 5));
    CHECK(connection.running_count() == 1);
    SECTION("answered") {
        connection.send(call.substr(call.size() - 5));
        connection.receive(response("200 OK", chat_answer));
        CHECK(connection.running_count() == 0);
        connection.send(call + call);
        CHECK(connection.running_count() == 2);
        connection.close();
    }
    SECTION("given up") { connection.fail(ErrorKind::reset, Leg::upstream); }
    SECTION("forgotten") { connection.close(); }
    CHECK(connection.running_count() == 0);
}

TEST_CASE("what is not a metered call leaves no row") {
    Connection connection("api.openai.com");
    connection.send("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
    connection.receive(response("200 OK", "{}"));
    connection.send(request("/v1/files", "{}"));
    connection.receive(response("200 OK", chat_answer));
    connection.close();
    CHECK(connection.rows().empty());

    Connection stranger("api.example.com");
    stranger.send(request("/v1/chat/completions", chat_body));
    stranger.receive(response("200 OK", chat_answer));
    CHECK(stranger.rows().empty());
}

TEST_CASE("calls on one connection, one after another and pipelined") {
    Connection connection("api.openai.com");
    connection.send(request("/v1/chat/completions", chat_body));
    connection.receive(response("200 OK", chat_answer));
    CHECK(connection.rows().size() == 1);
    connection.send(request("/v1/embeddings", R"({"model":"text-embedding-3-small"})") +
                    request("/v1/chat/completions", chat_body));
    connection.receive(
        response("200 OK", R"({"model":"text-embedding-3-small","usage":{"prompt_tokens":8}})") +
        response("200 OK", chat_answer));
    connection.close();
    REQUIRE(connection.rows().size() == 3);
    CHECK(connection.rows()[1].kind == RequestKind::embedding);
    CHECK(connection.rows()[1].cost->value == 8 * 20);
    CHECK(connection.rows()[0].id != connection.rows()[2].id);
}

TEST_CASE("an unknown model has its tokens and no cost") {
    Connection connection("api.openai.com");
    connection.send(request("/v1/chat/completions", chat_body));
    connection.receive(response(
        "200 OK", R"({"model":"gpt-99","usage":{"prompt_tokens":1,"completion_tokens":2}})"));
    CHECK(connection.row().usage.output == 2);
    CHECK(connection.row().tokens_complete);
    CHECK_FALSE(connection.row().cost);
    CHECK(connection.row().cost_state == CostState::unknown);
    CHECK(connection.row().rates_source.empty());
}

TEST_CASE("a call that is counted only costs nothing") {
    Connection connection("api.anthropic.com");
    connection.send(request("/v1/messages/count_tokens?beta=true", R"({"model":"claude-x"})"));
    connection.receive(response("200 OK", R"({"input_tokens":14})"));
    CHECK(connection.row().kind == RequestKind::other);
    CHECK(connection.row().model == "claude-x");
    CHECK(connection.row().usage.input == 0);
    CHECK(connection.row().cost == NanoUsd{0});
    CHECK(connection.row().cost_state == CostState::exact);
    CHECK(connection.row().tokens_complete);
}

TEST_CASE("a batch is charged when it runs, not when it is handed in") {
    Connection connection("api.anthropic.com");
    connection.send(request("/v1/messages/batches", R"({"requests":[]})"));
    connection.receive(response("200 OK", R"({"id":"msgbatch_1","type":"message_batch"})"));
    CHECK_FALSE(connection.row().cost);
    CHECK_FALSE(connection.row().tokens_complete);
    CHECK(connection.row().status == "success");
}

TEST_CASE("a refusal is an error row") {
    Connection connection("api.openai.com");
    connection.send(request("/v1/chat/completions", chat_body));
    connection.receive(response("429 Too Many Requests",
                                R"({"error":{"message":"abc","type":"insufficient_quota"}})"));
    const CallRecord& row = connection.row();
    CHECK(row.status == "error");
    CHECK(row.http_status == 429);
    REQUIRE(row.error);
    CHECK(row.error->error_class == ErrorClass::quota_exceeded);
    CHECK(row.error->provider_code == "insufficient_quota");
    CHECK_FALSE(row.error->is_retryable);
    CHECK(row.error->message_hash.substr(0, 8) == "ba7816bf");
    CHECK(row.model == "gpt-4o");
    CHECK(row.tokens_complete);
    CHECK(row.cost == NanoUsd{0});
}

TEST_CASE("a page instead of an answer is classified by its status") {
    Connection connection("api.openai.com");
    connection.send(request("/v1/chat/completions", chat_body));
    connection.receive(response("502 Bad Gateway", "<html>nginx</html>"));
    REQUIRE(connection.row().error);
    CHECK(connection.row().error->error_class == ErrorClass::server_error);
    CHECK(connection.row().error->is_retryable);
    CHECK(connection.row().error->provider_code.empty());
    CHECK(connection.row().error->message_hash.empty());
}

TEST_CASE("no answer at all") {
    for (const auto& [kind, wanted] : {std::pair(ErrorKind::reset, ErrorClass::network),
                                       std::pair(ErrorKind::timeout, ErrorClass::timeout)}) {
        Connection connection("api.openai.com");
        connection.send(request("/v1/chat/completions", chat_body));
        connection.fail(kind, Leg::upstream);
        connection.abort();
        const CallRecord& row = connection.row();
        CHECK(row.status == "error");
        CHECK(row.http_status == 0);
        REQUIRE(row.error);
        CHECK(row.error->error_class == wanted);
        CHECK(row.error->is_retryable);
        CHECK_FALSE(row.cost);
        CHECK_FALSE(row.tokens_complete);
        CHECK(row.model == "gpt-4o");
    }
    Connection connection("api.openai.com");
    connection.send(request("/v1/chat/completions", chat_body));
    connection.finish(http::Direction::to_client);
    connection.abort();
    CHECK(connection.row().error->error_class == ErrorClass::network);
}

TEST_CASE("a client that goes away is not the provider's error") {
    Connection connection("api.openai.com");
    connection.send(request("/v1/chat/completions", chat_body));
    connection.fail(ErrorKind::reset, Leg::client);
    CHECK(connection.row().status == "aborted");
    CHECK_FALSE(connection.row().error);
    connection.close();
    CHECK(connection.rows().size() == 1);
}

TEST_CASE("who ends a stream of HTTP/2 decides what became of its call") {
    Connection connection("api.openai.com", "h2");
    const auto ask = [&](std::uint32_t stream) {
        connection.send(h2::request(stream, "POST", "/v1/chat/completions", h2::end_headers) +
                        h2::body(stream, chat_body, h2::end_stream));
    };
    connection.send(h2::client_start);
    connection.receive(h2::server_start);
    for (const std::uint32_t stream : {1, 3, 5, 7, 9}) ask(stream);
    connection.receive(h2::answer(1, "200") + h2::body(1, chat_answer));
    connection.receive(h2::answer(3, "200") + h2::body(3, chat_answer.substr(0, 40)));
    connection.send(h2::reset(1, 8));     // it had all it wanted
    connection.send(h2::reset(3, 8));     // in the middle
    connection.send(h2::reset(5, 8));     // before the answer
    connection.receive(h2::reset(7, 7));  // refused
    connection.receive(h2::answer(9, "200") + h2::body(9, chat_answer, h2::end_stream));
    REQUIRE(connection.rows().size() == 5);
    const char* statuses[] = {"success", "aborted", "aborted", "error", "success"};
    for (std::size_t i = 0; i < 5; ++i) {
        INFO("call " << i);
        const CallRecord& row = connection.rows()[i];
        CHECK(row.status == statuses[i]);
        CHECK(row.tokens_complete == (row.status == "success"));
        CHECK(row.error.has_value() == (i == 3));
        CHECK(row.requested_model == "gpt-4o");
    }
    CHECK(connection.rows()[3].error->error_class == ErrorClass::network);
    CHECK(connection.rows()[4].usage.output == 20);
    connection.close();
    CHECK(connection.rows().size() == 5);
}

TEST_CASE("a stream that is cut keeps what it counted") {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    const std::string start =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":"
        "\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":50,\"output_tokens\":1}}}\n\n";
    const std::string rest =
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":9}}\n\n"
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    const auto run = [&](const std::string& body, auto end) {
        Connection connection("api.anthropic.com");
        connection.send(request("/v1/messages", R"({"model":"claude-sonnet-4-5","stream":true})"));
        connection.receive(head + body);
        end(connection);
        connection.close();
        CHECK(connection.row().mode == "streaming");
        CHECK(connection.row().usage.input == 50);
        return connection.row();
    };
    const auto provider_cuts = [](Connection& c) { c.fail(ErrorKind::closed, Leg::upstream); };
    const auto client_leaves = [](Connection& c) { c.fail(ErrorKind::reset, Leg::client); };
    const auto nobody_says_why = [](Connection&) {};

    CallRecord row = run(start, provider_cuts);
    CHECK(row.status == "success");
    CHECK_FALSE(row.tokens_complete);
    CHECK(row.cost_state == CostState::estimated);
    CHECK(row.cost == NanoUsd{50 * 3'000 + 15'000});
    CHECK(run(start, client_leaves).status == "aborted");
    CHECK(run(start, nobody_says_why).status == "success");
    CHECK_FALSE(run(start, nobody_says_why).tokens_complete);

    row = run(start + rest, client_leaves);
    CHECK(row.status == "success");
    CHECK(row.tokens_complete);
    CHECK(row.usage.output == 9);
    CHECK(row.cost_state == CostState::exact);
}

TEST_CASE("an error inside a good stream is an error") {
    Connection connection("api.anthropic.com");
    connection.send(request("/v1/messages", R"({"model":"claude-sonnet-4-5","stream":true})"));
    connection.receive(response(
        "200 OK",
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-"
        "sonnet-4-5\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\nevent: error\ndata: "
        "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n"));
    const CallRecord& row = connection.row();
    CHECK(row.status == "error");
    CHECK(row.http_status == 200);
    CHECK(row.error->error_class == ErrorClass::server_error);
    CHECK(row.error->is_retryable);
    CHECK(row.usage.input == 5);
    CHECK_FALSE(row.tokens_complete);
}

TEST_CASE("calls inside a call are billed apart at their own model's price") {
    Connection connection("api.anthropic.com");
    connection.send(request("/v1/messages", R"({"model":"claude-sonnet-4-6"})"));
    connection.receive(response(
        "200 OK",
        R"({"model":"claude-sonnet-4-6","usage":{"input_tokens":300,"output_tokens":30,)"
        R"("server_tool_use":{"web_search_requests":1},"iterations":[)"
        R"({"type":"message","input_tokens":300,"output_tokens":30},)"
        R"({"type":"advisor_message","model":"claude-opus-4-8","input_tokens":100,"output_tokens":10}]}})"));
    const CallRecord& row = connection.row();
    CHECK(row.usage.input == 300);
    CHECK(row.cost == NanoUsd{300 * 3'000 + 30 * 15'000 + 100 * 5'000 + 10 * 25'000 + 10'000'000});
    CHECK(row.cost_state == CostState::exact);
}

TEST_CASE("a cost that the provider states wins") {
    Connection connection("api.x.ai");
    connection.send(request("/v1/chat/completions", R"({"model":"grok-3-mini"})"));
    connection.receive(response(
        "200 OK", R"({"model":"grok-3-mini","usage":{"prompt_tokens":12,"completion_tokens":1,)"
                  R"("cost_in_usd_ticks":1176505}})"));
    CHECK(connection.row().cost == NanoUsd{117651});
    CHECK(connection.row().rates_source == "provider");
}

TEST_CASE("OpenRouter and Perplexity state dollars, with the own key's bill beside them") {
    const auto usage_of = [](const std::string& usage) {
        Connection connection("api.openai.com");  // the shape is the same
        connection.send(request("/v1/chat/completions", R"({"model":"a/b"})"));
        connection.receive(response("200 OK", R"({"model":"a/b","usage":{"prompt_tokens":1,)" +
                                                  usage + "}}"));
        return connection.row().provider_cost;
    };
    CHECK(usage_of(R"("cost":0.0000012345)") == NanoUsd{1235});
    CHECK(usage_of(R"("cost":0,"is_byok":true,"cost_details":{"upstream_inference_cost":0.0000305})") ==
          NanoUsd{30'500});
    CHECK(usage_of(R"("cost":0.0000000005,"is_byok":true,)"
                   R"("cost_details":{"upstream_inference_cost":0.0000000005})") == NanoUsd{1});
    CHECK(usage_of(R"("cost":0.5,"is_byok":false,"cost_details":{"upstream_inference_cost":9})") ==
          NanoUsd{500'000'000});
    CHECK(usage_of(R"("cost":{"input_tokens_cost":0.001,"total_cost":0.006})") ==
          NanoUsd{6'000'000});
    for (const char* nonsense : {R"("cost":"free")", R"("cost":-1)", R"("cost":1e9)",
                                 R"("cost":{"total_cost":null})", R"("cost":[1])"}) {
        CAPTURE(nonsense);
        CHECK_FALSE(usage_of(nonsense));
    }
}

TEST_CASE("a subscription's call is marked, unless the extra is paid for") {
    const std::string body = R"({"model":"claude-sonnet-4-5"})";
    const std::string answer =
        R"({"model":"claude-sonnet-4-5","usage":{"input_tokens":10,"output_tokens":1}})";
    const auto call = [&](const std::string& credential, const std::string& more) {
        Connection connection("api.anthropic.com");
        connection.send("POST /v1/messages HTTP/1.1\r\nHost: x\r\n" + credential +
                        "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        connection.receive(response("200 OK", answer, more));
        return connection.row();
    };
    const std::string bearer = "Authorization: Bearer sk-ant-oat01-secret\r\n";
    const std::string limits = "anthropic-ratelimit-unified-5h-utilization: 0.25\r\n";
    const CallRecord plan = call(bearer, limits);
    CHECK(plan.billing == BillingMode::plan);
    CHECK(plan.cost == NanoUsd{10 * 3'000 + 15'000});
    CHECK(plan.cost_state == CostState::exact);
    REQUIRE(plan.plan_limits.size() == 1);
    CHECK(plan.plan_limits[0].used_fraction == 0.25);
    CHECK(call(bearer, limits + "anthropic-ratelimit-unified-overage-in-use: true\r\n").billing ==
          BillingMode::metered);
    CHECK(call("x-api-key: sk-ant-api03-secret\r\n", "").billing == BillingMode::metered);

    Connection counting("api.anthropic.com");
    counting.send("POST /v1/messages/count_tokens HTTP/1.1\r\nHost: x\r\n" + bearer +
                  "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    counting.receive(response("200 OK", R"({"input_tokens":14})"));
    CHECK(counting.row().billing == BillingMode::free);
}

TEST_CASE("a Codex stream tells its limits, and what it searched") {
    Connection connection("chatgpt.com");
    connection.send(request("/backend-api/codex/responses", R"({"model":"gpt-5","stream":true})"));
    connection.receive(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        "x-codex-primary-used-percent: 41\r\n\r\n"
        "event: codex.rate_limits\ndata: {\"type\":\"codex.rate_limits\",\"plan_type\":\"plus\","
        "\"rate_limits\":{\"primary\":{\"used_percent\":42,\"window_minutes\":300}}}\n\n"
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"model\":"
        "\"gpt-5\",\"output\":[]}}\n\n"
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":"
        "\"gpt-5\",\"output\":[{\"type\":\"reasoning\"},{\"type\":\"web_search_call\",\"action\":"
        "{\"type\":\"search\",\"query\":\"x\"}},{\"type\":\"web_search_call\",\"action\":{\"type\":"
        "\"open_page\"}},{\"type\":\"web_search_call\",\"action\":{\"type\":\"search\"}}],"
        "\"usage\":{\"input_tokens\":100,\"output_tokens\":10}}}\n\n");
    connection.close();
    const CallRecord& row = connection.row();
    CHECK(row.model == "gpt-5");
    CHECK(row.billing == BillingMode::plan);
    CHECK(row.usage.web_search_count == 2);
    CHECK(row.cost == NanoUsd{100 * 1'250 + 10 * 10'000 + 20'000'000});
    CHECK(row.cost_state == CostState::estimated);
    REQUIRE(row.plan_limits.size() == 2);
    CHECK(row.plan_limits[0].used_fraction == 0.41);
    CHECK(row.plan_limits[1].used_fraction == 0.42);
    CHECK(row.plan_limits[1].plan == "plus");
}

TEST_CASE("fees that no usage object has make no exact cost") {
    const auto state_of = [](const std::string& output) {
        Connection connection("api.openai.com");
        connection.send(request("/v1/responses", R"({"model":"gpt-5"})"));
        connection.receive(response("200 OK", R"({"model":"gpt-5","output":[)" + output +
                                                  R"(],"usage":{"input_tokens":1,"output_tokens":1}})"));
        return connection.row().cost_state;
    };
    CHECK(state_of(R"({"type":"message"})") == CostState::exact);
    CHECK(state_of(R"({"type":"web_search_call","action":{"type":"search"}})") ==
          CostState::estimated);
    // Opening what a search found is free.
    CHECK(state_of(R"({"type":"web_search_call","action":{"type":"open_page"}})") ==
          CostState::exact);
    for (const char* tool : {"file_search_call", "code_interpreter_call", "image_generation_call"}) {
        CHECK(state_of("{\"type\":\"" + std::string(tool) + "\"}") == CostState::estimated);
    }
    // Google: by the call that searched, or by the search; both beyond a free quota.
    const auto grounded = [](const std::string& model, const std::string& metadata) {
        Connection connection("generativelanguage.googleapis.com");
        connection.send(request("/v1beta/models/" + model + ":generateContent", "{}"));
        connection.receive(response(
            "200 OK", R"({"candidates":[{"finishReason":"STOP","groundingMetadata":)" + metadata +
                          R"(}],"usageMetadata":{"promptTokenCount":1000},"modelVersion":")" +
                          model + R"("})"));
        return connection.row();
    };
    const std::string two = R"({"webSearchQueries":["a","b"]})";
    CHECK(grounded("gemini-2.5-flash", two).cost == NanoUsd{300'000 + 35'000'000});
    CHECK(grounded("gemini-3-flash-preview", two).cost == NanoUsd{500'000 + 2 * 14'000'000});
    CHECK(grounded("gemini-2.5-flash", two).cost_state == CostState::estimated);
    CHECK(grounded("gemini-2.5-flash", "{}").cost_state == CostState::exact);
    CHECK(grounded("gemini-2.5-flash", R"({"groundingChunks":[{"maps":{"uri":"x"}}]})").cost_state ==
          CostState::estimated);
}

TEST_CASE("an answer that is not run yet has no counts and no cost") {
    Connection connection("api.openai.com");
    connection.send(request("/v1/responses", R"({"model":"gpt-5","background":true})"));
    connection.receive(response("200 OK", R"({"model":"gpt-5","status":"queued","usage":null})"));
    CHECK_FALSE(connection.row().cost);
    CHECK_FALSE(connection.row().tokens_complete);
    CHECK(connection.row().status == "success");
}

TEST_CASE("a retry is what the client says is one") {
    const auto row_with = [](const std::string& headers) {
        Connection connection("api.openai.com");
        connection.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + headers +
                        "Content-Length: 2\r\n\r\n{}");
        connection.receive(response("200 OK", chat_answer));
        return connection.row();
    };
    CallRecord row = row_with("X-Stainless-Retry-Count: 2\r\nIdempotency-Key: key-1\r\n");
    CHECK(row.retry_count == 2);
    CHECK(row.client_request_id == "key-1");
    row = row_with("x-stainless-retry-count: 0\r\n");
    CHECK(row.retry_count == 0);
    CHECK(row.client_request_id.empty());
    row = row_with("amz-sdk-request: attempt=3; max=5\r\namz-sdk-invocation-id: inv-1\r\n");
    CHECK(row.retry_count == 2);
    CHECK(row.client_request_id == "inv-1");
    CHECK(row_with("amz-sdk-request: attempt=1\r\n").retry_count == 0);
    for (const char* senseless :
         {"", "x-stainless-retry-count: many\r\n", "x-stainless-retry-count: 99999999\r\n",
          "amz-sdk-request: max=5\r\n", "amz-sdk-request: attempt=0\r\n",
          "amz-sdk-request: attempt=\r\n"}) {
        CAPTURE(senseless);
        CHECK_FALSE(row_with(senseless).retry_count);
    }
    // The same body twice, and nothing said, is two calls.
    Connection connection("api.openai.com");
    for (int i = 0; i < 2; ++i) {
        connection.send(request("/v1/chat/completions", chat_body));
        connection.receive(response("200 OK", chat_answer));
    }
    REQUIRE(connection.rows().size() == 2);
    CHECK_FALSE(connection.rows()[1].retry_count);
}

TEST_CASE("the model of a Gemini call stands in its path") {
    Connection connection("generativelanguage.googleapis.com");
    connection.send(request("/v1beta/models/gemini-2.5-pro:generateContent?key=private", "{}"));
    connection.receive(response("503 Service Unavailable",
                                R"([{"error":{"code":503,"status":"UNAVAILABLE"}}])"));
    CHECK(connection.row().model == "gemini-2.5-pro");
    CHECK(connection.row().path == "/v1beta/models/gemini-2.5-pro:generateContent");
    CHECK(connection.row().error->provider_code == "UNAVAILABLE");
}

TEST_CASE("an upgrade or a blind tap ends the open calls") {
    Connection connection("api.openai.com");
    connection.send(request("/v1/responses", chat_body));
    connection.receive("\x16\x03\x01 this is no HTTP\r\n\r\n");
    CHECK(connection.rows().size() == 1);
    CHECK_FALSE(connection.rows().front().tokens_complete);
}

TEST_CASE("what passes without being read is counted") {
    UnseenCounts unseen;
    test::CollectingSink sink;
    test::FakeClock clock;
    ConnectionFacts facts{"api.openai.com", "demo", "git", "/home/ada/demo"};
    facts.unseen = &unseen;
    CallObserver observer(facts, PriceBook::bundled(), sink, clock);
    observer.on_events({http::Event{http::Event::Kind::unseen}});
    observer.on_events({http::Event{http::Event::Kind::unseen}});
    CHECK(unseen.requests == 2);
    CHECK(unseen.connections == 0);
    observer.on_events({http::Event{http::Event::Kind::lost}});
    CHECK(unseen.connections == 1);
    // At hosts that nobody meters there is nothing to miss.
    facts.host = "example.com";
    CallObserver elsewhere(facts, PriceBook::bundled(), sink, clock);
    elsewhere.on_events({http::Event{http::Event::Kind::unseen}});
    CHECK(unseen.requests == 2);
    CHECK(sink.calls.empty());
}

TEST_CASE("whole conversations give the same row in every chunking") {
    const std::string sent = request("/v1/chat/completions", chat_body);
    const std::string received = response("200 OK", chat_answer);
    feed_all_ways(received, [&](const Chunks& chunks) {
        Connection connection("api.openai.com");
        connection.send(sent);
        for (const std::string_view chunk : chunks) connection.receive(std::string(chunk));
        const CallRecord& row = connection.row();
        return row.model + std::to_string(row.usage.input) + std::to_string(row.tokens_complete);
    });
}

namespace {

std::string upgrade(const std::string& target) {
    return "GET " + target +
           " HTTP/1.1\r\nHost: x\r\nUser-Agent: tool/1.0\r\nConnection: Upgrade\r\n"
           "Upgrade: websocket\r\n\r\n";
}
std::string accepted(const std::string& more = {}) {
    return "HTTP/1.1 101 Switching Protocols\r\nx-request-id: req_up\r\nConnection: Upgrade\r\n"
           "Upgrade: websocket\r\n" +
           more + "\r\n";
}
const std::string codex_path = "/backend-api/codex/responses";
const std::string asks =
    sent(R"({"type":"response.create","model":"gpt-5-codex","input":[]})");
const std::string begins =
    received(R"({"type":"response.created","response":{"id":"resp_1","model":"gpt-5-codex"}})");
const std::string ends = received(
    R"({"type":"response.completed","response":{"id":"resp_1","model":"gpt-5-codex",)"
    R"("service_tier":"default","usage":{"input_tokens":100,"output_tokens":20}}})");

// Up to the client's question.
Connection codex_connection() {
    Connection connection("chatgpt.com");
    connection.send(upgrade(codex_path + "?session=private"));
    connection.receive(accepted());
    connection.wait(1'000);
    connection.send(asks);
    return connection;
}

}  // namespace

TEST_CASE("every turn of a WebSocket becomes one row with everything that is known") {
    Connection connection = codex_connection();
    connection.wait(5);
    connection.receive(begins);
    connection.wait(7);
    CHECK(connection.rows().empty());
    connection.receive(ends);

    const CallRecord row = connection.row();
    CHECK(row.id.size() == 36);
    CHECK(to_iso8601(row.requested_at) == "2026-11-21T01:02:04.000000Z");
    CHECK(row.provider == "openai");
    CHECK(row.model == "gpt-5-codex");
    CHECK(row.requested_model == "gpt-5-codex");
    CHECK(row.mode == "streaming");
    CHECK(row.kind == RequestKind::chat);
    CHECK(row.method == "GET");
    CHECK(row.host == "chatgpt.com");
    CHECK(row.path == codex_path);
    CHECK(row.usage.input == 100);
    CHECK(row.usage.output == 20);
    CHECK(row.tokens_complete);
    REQUIRE(row.cost);
    CHECK(row.cost->value == 100 * 1'250 + 20 * 10'000);
    CHECK(row.cost_state == CostState::exact);
    CHECK(row.service_tier == "default");
    CHECK(row.latency_ms == 12.0);
    CHECK(row.time_to_first_byte_ms == 5.0);
    CHECK(row.status == "success");
    CHECK(row.http_status == 101);
    CHECK_FALSE(row.error);
    CHECK(row.provider_request_id == "resp_1");
    CHECK(row.user_agent == "tool/1.0");
    CHECK(row.project_slug == "demo");

    connection.send(asks);
    connection.receive(begins + ends);
    connection.fail(ErrorKind::closed, Leg::client);
    connection.close();
    REQUIRE(connection.rows().size() == 2);
    CHECK(connection.rows()[0].id != connection.rows()[1].id);
    CHECK(connection.rows()[1].usage.input == 100);
}

TEST_CASE("a turn that is cut is incomplete, and says whose doing it was") {
    SECTION("the client went away") {
        Connection connection = codex_connection();
        connection.receive(begins);
        connection.fail(ErrorKind::closed, Leg::client);
        CHECK(connection.row().status == "aborted");
        CHECK_FALSE(connection.row().tokens_complete);
        CHECK_FALSE(connection.row().cost);
        CHECK(connection.row().model == "gpt-5-codex");
    }
    SECTION("the client said so") {
        Connection connection = codex_connection();
        connection.receive(begins);
        connection.send(frame(Op::close, "\x03\xe8", {.is_masked = true}));
        CHECK(connection.rows().empty());
        connection.receive(frame(Op::close, "\x03\xe8"));
        CHECK(connection.row().status == "aborted");
        connection.fail(ErrorKind::closed, Leg::upstream);
        connection.close();
        CHECK(connection.rows().size() == 1);
    }
    SECTION("the provider stopped in the middle") {
        Connection connection = codex_connection();
        connection.receive(begins);
        connection.fail(ErrorKind::closed, Leg::upstream);
        CHECK(connection.row().status == "success");
        CHECK_FALSE(connection.row().tokens_complete);
    }
    SECTION("the provider never began") {
        Connection connection = codex_connection();
        connection.receive(frame(Op::close, "\x03\xf3"));
        CHECK(connection.row().status == "error");
        CHECK(connection.row().error->error_class == ErrorClass::network);
    }
    SECTION("we ended it") {
        Connection connection = codex_connection();
        connection.receive(begins);
        connection.fail(ErrorKind::cancelled, Leg::local);
        CHECK(connection.row().status == "aborted");
    }
    SECTION("the frames make no sense any more") {
        Connection connection = codex_connection();
        connection.receive(begins + "\xff\xff");
        CHECK_FALSE(connection.row().tokens_complete);
        connection.receive(ends);
        connection.close();
        CHECK(connection.rows().size() == 1);
    }
}

TEST_CASE("an error on a WebSocket is classified by the status it states") {
    Connection connection = codex_connection();
    connection.receive(received(
        R"({"type":"error","status":429,"error":{"type":"rate_limit_error","message":"wait"}})"));
    CHECK(connection.row().status == "error");
    CHECK(connection.row().http_status == 429);
    CHECK(connection.row().error->error_class == ErrorClass::rate_limit);
    CHECK(connection.row().error->is_retryable);
    CHECK(connection.row().cost->value == 0);

    Connection other = codex_connection();
    other.receive(begins + received(R"({"type":"response.failed","response":{"id":"resp_1",)"
                                    R"("error":{"code":"server_is_overloaded","message":"x"}}})"));
    CHECK(other.row().error->error_class == ErrorClass::server_error);
    CHECK(other.row().http_status == 101);
}

TEST_CASE("an upgrade without a turn leaves no row, a refused one does") {
    Connection connection("api.openai.com");
    connection.send(upgrade("/v1/realtime?model=gpt-realtime"));
    connection.receive(accepted() + received(R"({"type":"session.created","session":{}})"));
    connection.fail(ErrorKind::closed, Leg::client);
    connection.close();
    CHECK(connection.rows().empty());

    Connection refused("api.openai.com");
    refused.send(upgrade("/v1/responses"));
    refused.receive(response("401 Unauthorized", R"({"error":{"code":"invalid_api_key"}})"));
    CHECK(refused.row().error->error_class == ErrorClass::auth);
    CHECK(refused.row().mode == "streaming");

    Connection elsewhere("api.openai.com");
    elsewhere.send(upgrade("/v1/responses"));
    elsewhere.receive(response("426 Upgrade Required", "{}"));
    elsewhere.send(request("/v1/chat/completions", chat_body));
    elsewhere.receive(response("200 OK", chat_answer));
    CHECK(elsewhere.row().path == "/v1/chat/completions");

    Connection unanswered("api.openai.com");
    unanswered.send(upgrade("/v1/responses"));
    unanswered.fail(ErrorKind::closed, Leg::upstream);
    CHECK(unanswered.rows().empty());

    Connection plain("api.openai.com");
    plain.send("GET /v1/responses HTTP/1.1\r\nHost: x\r\n\r\n");
    plain.receive(response("404 Not Found", "{}"));
    CHECK(plain.rows().empty());
}

TEST_CASE("sockets at other paths are nobody's business") {
    Connection connection("chatgpt.com");
    connection.send(upgrade("/ws/notifications"));
    connection.receive(accepted());
    connection.send(asks);
    connection.receive(begins + ends);
    connection.close();
    CHECK(connection.rows().empty());
}

TEST_CASE("a Realtime session costs by its answers and its transcriptions") {
    Connection connection("api.openai.com");
    connection.send(upgrade("/v1/realtime?model=gpt-realtime"));
    connection.receive(accepted() +
                       received(R"({"type":"session.created","session":{"model":"gpt-realtime",)"
                                R"("audio":{"input":{"transcription":{"model":"whisper-1"}}}}})"));
    connection.send(sent(R"({"type":"response.create"})"));
    connection.receive(received(R"({"type":"response.created","response":{"id":"a"}})"));
    connection.receive(
        received(R"({"type":"conversation.item.input_audio_transcription.completed",)"
                 R"("usage":{"type":"duration","seconds":3}})") +
        received(R"({"type":"response.done","response":{"id":"a","usage":{"input_tokens":10,)"
                 R"("output_tokens":30,"output_token_details":{"audio_tokens":20}}}})"));
    connection.close();
    REQUIRE(connection.rows().size() == 2);
    CHECK(connection.rows()[0].model == "whisper-1");
    CHECK(connection.rows()[0].kind == RequestKind::audio);
    CHECK(connection.rows()[0].usage.audio_input_ms == 3000);
    CHECK(connection.rows()[1].model == "gpt-realtime");
    CHECK(connection.rows()[1].kind == RequestKind::realtime);
    REQUIRE(connection.rows()[1].cost);
    CHECK(connection.rows()[1].cost->value == 10 * 4'000 + 10 * 16'000 + 20 * 64'000);
}

TEST_CASE("bodies are captured where they are wanted, decoded, for metered calls only") {
    const auto budget = std::make_shared<CaptureBudget>(1 << 20);
    CaptureSwitches switches(false, budget);
    {
        Connection connection("api.openai.com", {}, &switches);
        connection.send(request("/v1/chat/completions", chat_body));
        connection.receive(response("200 OK", chat_answer));
        CHECK(connection.bodies().empty());
        // The switch is looked at with each call.
        switches.set_projects({{"demo", true}});
        connection.send(request("/v1/models", "private"));
        connection.receive(response("200 OK", "[]"));
        connection.send(request("/v1/chat/completions", chat_body));
        connection.receive(response("200 OK", chat_answer));
        switches.set_projects({});
        connection.send(request("/v1/chat/completions", chat_body));
        connection.receive(response("200 OK", chat_answer));
        CHECK(connection.rows().size() == 3);
        REQUIRE(connection.bodies().size() == 1);
        CHECK(connection.bodies()[0] == chat_body + " | " + chat_answer);
    }
    switches.set_projects({{"demo", true}});
    Connection refused("api.openai.com", {}, &switches, false);
    refused.send(request("/v1/chat/completions", chat_body));
    refused.receive(response("200 OK", chat_answer));
    CHECK(refused.bodies().empty());
    CHECK(refused.rows().size() == 1);
    CHECK(budget->used_bytes() == 0);
}

TEST_CASE("a captured body does not depend on how it was cut, and is there of a broken call too") {
    const auto budget = std::make_shared<CaptureBudget>(1 << 20);
    const CaptureSwitches switches(true, budget);
    const std::string asked = request("/v1/chat/completions", chat_body);
    const std::string answered = response("200 OK", chat_answer);
    for (std::size_t piece = 1; piece < 60; ++piece) {
        Connection connection("api.openai.com", {}, &switches);
        for (std::size_t at = 0; at < asked.size(); at += piece)
            connection.send(asked.substr(at, piece));
        for (std::size_t at = 0; at < answered.size(); at += piece)
            connection.receive(answered.substr(at, piece));
        REQUIRE(connection.bodies().size() == 1);
        CHECK(connection.bodies()[0] == chat_body + " | " + chat_answer);
    }
    Connection cut("api.openai.com", {}, &switches);
    cut.send(asked);
    cut.receive(answered.substr(0, answered.size() - 10));
    cut.close();
    REQUIRE(cut.bodies().size() == 1);
    CHECK(cut.bodies()[0] ==
          chat_body + " | " + chat_answer.substr(0, chat_answer.size() - 10));
}

TEST_CASE("over the memory budget there is the row and no body") {
    const auto budget = std::make_shared<CaptureBudget>(chat_body.size() + 5);
    const CaptureSwitches switches(true, budget);
    Connection connection("api.openai.com", {}, &switches);
    connection.send(request("/v1/chat/completions", chat_body));
    connection.receive(response("200 OK", chat_answer));
    CHECK(connection.row().usage.input == 100);
    CHECK(connection.bodies().empty());
    CHECK(budget->refused_count() == 1);
    CHECK(budget->used_bytes() == 0);
}

TEST_CASE("each turn of a WebSocket has its own bodies, session and turn id") {
    const auto budget = std::make_shared<CaptureBudget>(1 << 20);
    const CaptureSwitches switches(true, budget);
    Connection connection("chatgpt.com", {}, &switches);
    connection.send(upgrade(codex_path));
    connection.receive(accepted());
    for (const std::string number : {"1", "2"}) {
        const std::string ask =
            R"({"type":"response.create","model":"m","client_metadata":{"x-codex-turn-metadata":)"
            R"("{\"session_id\":\"s\",\"turn_id\":\"turn-)" + number + R"(\"}"}})";
        const std::string end =
            R"({"type":"response.completed","response":{"id":"r)" + number +
            R"(","model":"m","usage":{"input_tokens":1,"output_tokens":1}}})";
        connection.send(sent(ask));
        connection.receive(received(end));
        REQUIRE(connection.bodies().size() == connection.rows().size());
        CHECK(connection.bodies().back() == ask + "\n | " + end + "\n");
        CHECK(connection.rows().back().client.turn_id == "turn-" + number);
        CHECK(connection.rows().back().client.session_id == "s");
    }
    CHECK(connection.rows().size() == 2);
}

TEST_CASE("a session that only the body tells is in the row") {
    Connection connection("api.anthropic.com");
    auto text = request("/v1/messages",
                        R"({"model":"m","metadata":{"user_id":"user_ab_account_cd_session_s-9"}})");
    text.replace(text.find("tool/1.0"), 8, "claude-cli/2.0.1");
    connection.send(text);
    connection.receive(response("200 OK", "{}"));
    CHECK(connection.row().client.tool == "claude-code");
    CHECK(connection.row().client.session_id == "s-9");
}
