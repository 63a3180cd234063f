#include "meter/call_start.h"

#include "support/catch.h"
#include "support/fake_clock.h"

using namespace halton;
using namespace halton::meter;

namespace {

std::optional<CallStart> start(const std::string& host, const std::string& method,
                               const std::string& target,
                               const std::vector<http::Header>& headers = {}) {
    test::FakeClock clock;
    ConnectionFacts facts{host, "shop", "git", "/home/ada/shop"};
    facts.program = "claude";
    http::RequestHead head;
    head.method = method;
    head.target = target;
    for (const auto& header : headers) head.headers.add(header.name, header.value);
    const auto place = find_place(facts);
    REQUIRE(place.host != nullptr);
    return start_call(facts, place, head, clock);
}

}  // namespace

TEST_CASE("call start: what a head tells") {
    const auto call = start("api.anthropic.com", "POST", "/v1/messages?beta=true",
                            {{"User-Agent", "claude-cli/2.0"},
                             {"x-stainless-retry-count", "2"},
                             {"idempotency-key", "abc"}});
    REQUIRE(call);
    const auto& record = call->record;
    CHECK(record.provider == "anthropic");
    CHECK(record.path == "/v1/messages");  // no query
    CHECK(record.project_slug == "shop");
    CHECK(record.attribution_layer == "git");
    CHECK(record.user_agent == "claude-cli/2.0");
    CHECK(record.retry_count == 2);
    CHECK(record.client_request_id == "abc");
    CHECK(record.requested_model.empty());
    CHECK(record.id.size() == 36);
    CHECK(record.billing == BillingMode::metered);
}

TEST_CASE("call start: models that stand in paths") {
    const auto gemini = start("generativelanguage.googleapis.com", "POST",
                              "/v1beta/models/gemini-2.5-pro:generateContent");
    REQUIRE(gemini);
    CHECK(gemini->record.requested_model == "gemini-2.5-pro");
    const auto bedrock = start("bedrock-runtime.us-east-1.amazonaws.com", "POST",
                               "/model/anthropic.claude-v2%3A1/invoke");
    REQUIRE(bedrock);
    CHECK(bedrock->record.requested_model == "anthropic.claude-v2:1");
}

TEST_CASE("call start: what is no call") {
    CHECK_FALSE(start("api.anthropic.com", "GET", "/v1/messages"));
    CHECK_FALSE(start("api.anthropic.com", "POST", "/v1/other"));
    // A socket's endpoint without an upgrade.
    CHECK_FALSE(start("api.openai.com", "GET", "/v1/realtime"));
    CHECK(start("api.openai.com", "GET", "/v1/realtime",
                {{"Connection", "Upgrade"},
                 {"Upgrade", "websocket"},
                 {"Sec-WebSocket-Version", "13"},
                 {"Sec-WebSocket-Key", "x"}}));
    CHECK(find_place({"example.com", "", "", ""}).host == nullptr);
}

TEST_CASE("call start: who pays") {
    CHECK(start("chatgpt.com", "POST", "/backend-api/codex/responses")->record.billing ==
          BillingMode::plan);
    CHECK(start("api.anthropic.com", "POST", "/v1/messages/count_tokens")->record.billing ==
          BillingMode::free);
    CHECK(start("api.anthropic.com", "POST", "/v1/messages/batches")->record.billing ==
          BillingMode::deferred);
}
