#include "meter/call_bytes.h"

#include "support/catch.h"

using namespace halton;
using meter::CallRecord;

namespace {

// Every field differs from its default and from its neighbours.
CallRecord make_full_call() {
    CallRecord call;
    call.id = "id";
    call.requested_at = UtcTime(std::chrono::microseconds(1'700'000'000'123'456));
    call.provider = "provider";
    call.model = "model";
    call.requested_model = "requested";
    call.mode = "streaming";
    call.kind = meter::RequestKind::audio;
    call.method = "POST";
    call.host = "host";
    call.path = "/path";
    call.usage = {1,  2,    3,     4,    5,  6,  7,  8,  9,  10, 11,  12,
                  13, true, false, true, 14, 15, 16, 17, 18, 19, true};
    call.has_usage = true;
    call.tokens_complete = true;
    call.cost = NanoUsd{-14};
    call.cost_state = meter::CostState::estimated;
    call.rates_source = "rates";
    call.service_tier = "tier";
    call.latency_ms = 1.5;
    call.time_to_first_byte_ms = 0.25;
    call.status = "error";
    call.http_status = 529;
    call.error = meter::CallError{meter::ErrorClass::quota_exceeded, "code", true, "hash"};
    call.provider_request_id = "request";
    call.user_agent = "agent";
    call.project_slug = "slug";
    call.attribution_layer = "layer";
    call.source_workdir = std::string("/w\0rk", 5);
    call.billing = meter::BillingMode::plan;
    call.price_id = "price";
    call.price_date = "date";
    call.provider_cost = NanoUsd{18};
    call.speed = "fast";
    call.region = "us";
    call.has_unpriced_part = true;
    call.sub_calls = {{"inner", call.usage}, {}};
    call.plan_limits = {{"5h", "max", "allowed", 0.5, call.requested_at, 300}, {}};
    call.is_provider_cost_reckoned = true;
    call.retry_count = 19;
    call.client_request_id = "mine";
    call.client = {"tool", "1.2", "session", "thread", "turn", "agent"};
    call.git_branch = "branch";
    call.project_folder = "/folder";
    return call;
}

}  // namespace

TEST_CASE("bytes of a call: it comes back as it was") {
    const auto bytes = to_bytes(make_full_call());
    const auto call = meter::parse_call_bytes(bytes);
    REQUIRE(call);
    // Equal bytes are equal fields, since each field is in them.
    CHECK(to_bytes(*call) == bytes);
    CHECK(call->usage == make_full_call().usage);
    CHECK(call->requested_at == make_full_call().requested_at);
    CHECK(call->cost == NanoUsd{-14});
    REQUIRE(call->error);
    CHECK(call->error->provider_code == "code");
    CHECK(call->source_workdir.size() == 5);
    CHECK(call->sub_calls == make_full_call().sub_calls);
    CHECK(call->plan_limits == make_full_call().plan_limits);
    CHECK(call->retry_count == 19);
    CHECK(call->client == make_full_call().client);
    CHECK(call->git_branch == "branch");
    CHECK(call->project_folder == "/folder");

    const auto empty = meter::parse_call_bytes(to_bytes(CallRecord{}));
    REQUIRE(empty);
    CHECK_FALSE(empty->cost);
    CHECK_FALSE(empty->error);
    CHECK_FALSE(empty->time_to_first_byte_ms);
}

TEST_CASE("bytes of a call: a cut, a tail and another version are refused") {
    const auto bytes = to_bytes(make_full_call());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(meter::parse_call_bytes(std::string_view(bytes).substr(0, size)));
    CHECK_FALSE(meter::parse_call_bytes(bytes + "x"));
    auto other = bytes;
    ++other[0];
    CHECK(meter::parse_call_bytes(other).error().kind == ErrorKind::unsupported);
}

TEST_CASE("bytes of a call: any byte may be wrong") {
    const auto bytes = to_bytes(make_full_call());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const char wrong : {'\xff', '\x7f', '\x80'}) {
            auto bad = bytes;
            bad[at] = wrong;
            // Refused, or a call with other values that can be packed again.
            if (const auto call = meter::parse_call_bytes(bad)) CHECK(to_bytes(*call) == bad);
        }
    }
}
