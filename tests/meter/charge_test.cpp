#include "meter/charge.h"

#include <string>

#include "meter/pricing.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

CallRecord call_of(std::string_view provider, std::string_view model) {
    CallRecord call;
    call.provider = provider;
    call.model = model;
    call.requested_at = *parse_iso8601("2026-09-02T12:00:00Z");
    call.usage.input = 1000;
    call.usage.output = 10;
    call.has_usage = true;
    call.tokens_complete = true;
    call.http_status = 200;
    return call;
}

CallRecord charged(CallRecord call) {
    charge(PriceBook::bundled(), call);
    return call;
}

}  // namespace

TEST_CASE("a price row leaves its id and its list's date") {
    const CallRecord call = charged(call_of("anthropic", "claude-sonnet-5"));
    CHECK(call.cost == NanoUsd{1000 * 3'000 + 10 * 15'000});
    CHECK(call.cost_state == CostState::exact);
    CHECK(call.rates_source == "bundled-2026-08-21");
    CHECK(call.price_id == "anthropic/claude-sonnet-5@2026-09-01");
    CHECK(call.price_date == "2026-08-21");
    // An alias is priced by the row it stands for.
    CHECK(charged(call_of("anthropic", "claude-sonnet-4-5-20990101")).price_id ==
          "anthropic/claude-sonnet-4-5");
}

TEST_CASE("charging again starts from nothing") {
    CallRecord call = charged(call_of("anthropic", "claude-sonnet-5"));
    call.model = "claude-of-tomorrow";
    call = charged(call);
    CHECK_FALSE(call.cost);
    CHECK(call.cost_state == CostState::unknown);
    CHECK(call.rates_source.empty());
    CHECK(call.price_id.empty());
    CHECK(call.price_date.empty());
}

TEST_CASE("what a provider states is its bill") {
    for (const std::string_view provider : {"openrouter", "perplexity", "xai"}) {
        CallRecord call = call_of(provider, "some/model");
        call.provider_cost = NanoUsd{4711};
        call = charged(call);
        CHECK(call.cost == NanoUsd{4711});
        CHECK(call.cost_state == CostState::exact);
        CHECK(call.rates_source == "provider");
        CHECK(call.price_id == "reported");
        CHECK(call.price_date == "2026-09-02");
        call.is_provider_cost_reckoned = true;
        CHECK(charged(call).cost_state == CostState::estimated);
    }
    // What a gateway states is not what OpenAI charges.
    CallRecord call = call_of("openai", "gpt-4o");
    call.provider_cost = NanoUsd{4711};
    CHECK(charged(call).rates_source == "bundled-2026-08-21");
    CHECK(charged(call).provider_cost == NanoUsd{4711});
    call.model = "a-model-of-its-own";
    CHECK_FALSE(charged(call).cost);
}

TEST_CASE("without counts there is no cost, and a refusal costs nothing") {
    CallRecord call = call_of("openai", "gpt-4o");
    call.usage = {};
    call.has_usage = false;
    CHECK_FALSE(charged(call).cost);
    call.http_status = 429;
    CHECK(charged(call).cost == NanoUsd{0});
    CHECK(charged(call).cost_state == CostState::exact);
    // Also where every call has a fee.
    call.model = "gpt-4o-search-preview";
    CHECK(charged(call).cost == NanoUsd{0});
    call.model = "gpt-of-tomorrow";
    CHECK_FALSE(charged(call).cost);
}

TEST_CASE("free is 0 and later is nothing") {
    CallRecord call = call_of("anthropic", "claude-of-tomorrow");
    call.billing = BillingMode::free;
    CHECK(charged(call).cost == NanoUsd{0});
    CHECK(charged(call).price_id == "free");
    call.billing = BillingMode::deferred;
    CHECK_FALSE(charged(call).cost);
    // A plan's call has the price of the list.
    call = call_of("anthropic", "claude-sonnet-5");
    call.billing = BillingMode::plan;
    CHECK(charged(call).cost == NanoUsd{1000 * 3'000 + 10 * 15'000});
}

TEST_CASE("calls inside a call are charged at their own models' prices") {
    CallRecord call = call_of("anthropic", "claude-sonnet-5");
    call.usage.web_search_count = 2;
    call.sub_calls.resize(3);
    call.sub_calls[0].usage.input = 100;
    call.sub_calls[1].model = "claude-haiku-4-5";
    call.sub_calls[1].usage.output = 7;
    call.sub_calls[2].usage.input = 1;
    const CallRecord done = charged(call);
    CHECK(done.cost == NanoUsd{101 * 3'000 + 7 * 5'000 + 2 * 10'000'000});
    CHECK(done.cost_state == CostState::exact);
    CHECK(done.price_id == "anthropic/claude-sonnet-5@2026-09-01,anthropic/claude-haiku-4-5");
    call.sub_calls[1].model = "claude-of-tomorrow";
    CHECK_FALSE(charged(call).cost);
}

TEST_CASE("Amazon charges what was asked for, with its region") {
    CallRecord call = call_of("bedrock", "claude-3-haiku-20240307");
    CHECK_FALSE(charged(call).cost);
    call.requested_model = "us.anthropic.claude-3-haiku-20240307-v1:0";
    CHECK(charged(call).cost == NanoUsd{1000 * 250 + 10 * 1'250});
    CHECK(charged(call).price_id.starts_with("bedrock/us.anthropic.claude-3-haiku"));
    call.requested_model = "arn:aws:bedrock:us-east-1:1:inference-profile/" + call.requested_model;
    CHECK(charged(call).cost == NanoUsd{1000 * 250 + 10 * 1'250});
    CHECK(charged(call).cost_state == CostState::exact);
    // An account's own profile: by the answer's word for the model, and not surely.
    call.requested_model = "arn:aws:bedrock:us-east-1:1:application-inference-profile/0abc";
    CHECK(charged(call).cost == NanoUsd{1000 * 250 + 10 * 1'250});
    CHECK(charged(call).cost_state == CostState::estimated);
    CHECK(charged(call).price_id.starts_with("bedrock/anthropic.claude-3-haiku"));
    call.model = "claude-of-tomorrow";
    CHECK_FALSE(charged(call).cost);
    call.model = "claude-3-haiku-20240307";
    // Capacity that is paid by the hour.
    call.requested_model = "arn:aws:bedrock:us-east-1:1:provisioned-model/0abc";
    CHECK_FALSE(charged(call).cost);
    call.http_status = 400;
    call.has_usage = false;
    call.requested_model = "us.anthropic.claude-3-haiku-20240307-v1:0";
    CHECK(charged(call).cost == NanoUsd{0});
    // Nobody else: an answer's own name is what was run.
    call = call_of("openai", "gpt-of-tomorrow");
    call.requested_model = "gpt-4o";
    CHECK_FALSE(charged(call).cost);
}

TEST_CASE("names that Amazon sells a model by") {
    for (const std::string_view model :
         {"anthropic.claude-v2", "anthropic.claude-v2:1", "us.cohere.embed-v4:0",
          "arn:aws:bedrock:us-east-1:1:inference-profile/us.cohere.embed-v4:0",
          "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}) {
        CAPTURE(model);
        CHECK(charged(call_of("bedrock", model)).cost);
    }
    // An account's own id names no model, and the price of some is in no list.
    for (const std::string_view model :
         {"arn:aws:bedrock:us-east-1:1:application-inference-profile/0abc",
          "arn:aws:bedrock:us-east-1:1:provisioned-model/0abc", "amazon.titan-tg1-large"}) {
        const CallRecord call = charged(call_of("bedrock", model));
        CAPTURE(model);
        CHECK_FALSE(call.cost);
        CHECK(call.cost_state == CostState::unknown);
        CHECK(call.price_id.empty());
    }
}

TEST_CASE("what cannot be counted makes an estimate") {
    CallRecord call = call_of("openai", "gpt-4o");
    call.has_unpriced_part = true;
    CHECK(charged(call).cost_state == CostState::estimated);
    call.has_unpriced_part = false;
    call.tokens_complete = false;
    CHECK(charged(call).cost_state == CostState::estimated);
    call.tokens_complete = true;
    CHECK(charged(call).cost_state == CostState::exact);
}
