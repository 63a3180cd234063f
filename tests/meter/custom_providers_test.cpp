#include "meter/custom_providers.h"

#include <algorithm>
#include <string>

#include "meter/hosts.h"
#include "support/catch.h"
#include "support/replay.h"

using namespace halton;
using namespace halton::meter;

namespace {

const Endpoint* find(const ProviderTable& table, std::string_view host, std::string_view method,
                     std::string_view path) {
    const HostMatch place = table.find_host(host);
    REQUIRE(place.host != nullptr);
    return find_endpoint(*place.host, method, path);
}

}  // namespace

TEST_CASE("every word that the config knows is a family") {
    for (const std::string_view shape : config::custom_shapes) {
        CAPTURE(shape);
        const ProviderTable table({{"llm.example", std::string(shape), "gateway"}});
        REQUIRE(table.find_host("llm.example").host != nullptr);
        CHECK_FALSE(table.find_host("llm.example").host->endpoints.empty());
    }
    CHECK(ProviderTable({{"llm.example", "soap", "x"}}).find_host("llm.example").host == nullptr);
}

TEST_CASE("a host of the config is metered under its name, wherever it serves its formats") {
    const ProviderTable table({{"llm.example", "openai", "gateway"},
                               {"llm.example", "anthropic", "ignored"},
                               {"*.models.example", "anthropic", "models"}});
    CHECK(table.find_host("llm.example").provider->id == "gateway");
    CHECK(find(table, "llm.example", "POST", "/any/base/v1/chat/completions")->shape ==
          &shapes::openai_chat);
    CHECK(find(table, "llm.example", "POST", "/chat/completions")->shape == &shapes::openai_chat);
    CHECK(find(table, "llm.example", "POST", "/v1/responses")->shape == &shapes::openai_responses);
    CHECK(find(table, "llm.example", "POST", "/v1/messages")->shape == &shapes::anthropic_messages);
    CHECK(find(table, "llm.example", "POST", "/v1/completions/x") == nullptr);
    CHECK(find(table, "llm.example", "GET", "/v1/models") == nullptr);
    CHECK(table.find_host("a.models.example").provider->id == "models");
    CHECK(table.find_host("models.example").provider == nullptr);
    // What is built in stays.
    CHECK(table.find_host("api.openai.com").provider->id == "openai");
    CHECK(table.hosts().size() == built_in_providers().hosts().size() + 2);
}

TEST_CASE("the config's entry wins over a built-in one, an exact one over a domain") {
    const ProviderTable table(
        {{"*.openai.azure.com", "openai", "ours"}, {"team.openai.azure.com", "anthropic", "team"}});
    CHECK(table.find_host("a.openai.azure.com").provider->id == "ours");
    CHECK(table.find_host("team.openai.azure.com").provider->id == "team");
}

TEST_CASE("a call to a host of the config is a row; the cost that it states is kept, not believed") {
    const ProviderTable table({{"llm.example", "openai", "gateway"}});
    test::RecordedExchange exchange;
    exchange.host = "llm.example";
    exchange.method = "POST";
    exchange.target = "/proxy/v1/chat/completions";
    exchange.request_body = R"({"model":"house-model"})";
    exchange.response_body =
        R"({"model":"house-model","usage":{"prompt_tokens":3,"completion_tokens":2,"cost":0.5}})";
    const auto rows = test::replay(exchange, 9, true, PriceBook::bundled(), &table);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].provider == "gateway");
    CHECK(rows[0].model == "house-model");
    CHECK(rows[0].usage.input == 3);
    CHECK(rows[0].usage.output == 2);
    CHECK(rows[0].tokens_complete);
    CHECK_FALSE(rows[0].cost);
    CHECK(rows[0].cost_state == CostState::unknown);
    CHECK(rows[0].provider_cost == NanoUsd{500'000'000});
    // The same bytes under a table without it leave nothing.
    CHECK(test::replay(exchange, 9).empty());
}

TEST_CASE("the hosts of the config are decrypted, and the root covers their domains") {
    const ProviderTable table(
        {{"llm.example", "openai", "gateway"}, {"*.models.example", "anthropic", "models"}});
    const HostList hosts(table, {}, {});
    CHECK(hosts.is_metered("llm.example"));
    CHECK(hosts.is_metered("eu.models.example"));
    CHECK_FALSE(hosts.is_metered("models.example"));
    const auto holds = [&](const std::string& name) {
        return std::find(hosts.all().begin(), hosts.all().end(), name) != hosts.all().end();
    };
    CHECK(holds("llm.example"));
    CHECK(holds("models.example"));
}
