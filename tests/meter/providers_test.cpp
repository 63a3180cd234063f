// The provider table itself: which path of which host is metered as what.
#include <set>
#include <string>

#include "meter/providers/provider.h"
#include "support/catch.h"

using namespace halton::meter;

namespace {

const Endpoint* find(std::string_view host, std::string_view method, std::string_view path) {
    const HostMatch place = find_host(host);
    REQUIRE(place.host != nullptr);
    return find_endpoint(*place.host, method, path);
}

}  // namespace

TEST_CASE("hosts belong to one provider") {
    std::set<std::string_view> seen;
    for (const Provider* provider : all_providers()) {
        for (const Host& host : provider->hosts) {
            CHECK(seen.insert(host.name).second);
            CHECK(find_host(host.name).provider == provider);
        }
    }
    CHECK(find_host("example.com").provider == nullptr);
}

TEST_CASE("every endpoint has a shape and no endpoint hides another") {
    for (const Provider* provider : all_providers()) {
        for (const Host& host : provider->hosts) {
            for (const Endpoint& endpoint : host.endpoints) {
                CAPTURE(host.name, endpoint.path);
                CHECK(endpoint.shape != nullptr);
                std::string path(endpoint.path);
                for (const std::string mark : {"{model}", "*"}) {
                    for (auto at = path.find(mark); at != path.npos; at = path.find(mark)) {
                        path.replace(at, mark.size(), "x");
                    }
                }
                CHECK(find_endpoint(host, endpoint.method, path) == &endpoint);
                // What is fetched costs nothing; only sockets begin with a GET.
                const Endpoint* fetched = find_endpoint(host, "GET", path);
                if (fetched != nullptr) CHECK(fetched->socket != nullptr);
                if (endpoint.socket != nullptr) CHECK(endpoint.method == "GET");
            }
        }
    }
}

TEST_CASE("paths are metered exactly") {
    CHECK(find("api.anthropic.com", "POST", "/v1/messages")->kind == RequestKind::chat);
    CHECK(find("api.anthropic.com", "POST", "/v1/messages/count_tokens")->billing == Billing::free);
    CHECK(find("api.anthropic.com", "POST", "/v1/messages/") == nullptr);
    CHECK(find("api.anthropic.com", "GET", "/v1/messages/batches/msgbatch_1") == nullptr);
    CHECK(find("api.openai.com", "POST", "/v1/embeddings")->kind == RequestKind::embedding);
    CHECK(find("api.openai.com", "GET", "/v1/responses/resp_1") == nullptr);
    CHECK(find("api.openai.com", "POST", "/v1/moderations") == nullptr);
    CHECK(find("api.openai.com", "GET", "/v1/realtime")->kind == RequestKind::realtime);
    CHECK(find("chatgpt.com", "GET", "/backend-api/codex/responses")->kind == RequestKind::chat);
    CHECK(find("chatgpt.com", "POST", "/backend-api/codex/responses") != nullptr);
    CHECK(find("chatgpt.com", "POST", "/backend-api/conversation") == nullptr);
    CHECK(find("api.x.ai", "POST", "/v1/messages")->shape == &shapes::anthropic_messages);
    const std::string_view google = "generativelanguage.googleapis.com";
    for (const char* version : {"v1", "v1beta", "v1beta1", "v1alpha"}) {
        const std::string models = "/" + std::string(version) + "/models/";
        CHECK(find(google, "POST", models + "gemini-2.5-pro:generateContent") != nullptr);
        CHECK(find(google, "POST", models + "gemini-2.5-pro:streamGenerateContent")->is_stream);
        CHECK(find(google, "POST", models + "m:countTokens")->billing == Billing::free);
    }
    CHECK(find(google, "POST", "/v1beta/models/:generateContent") == nullptr);
    CHECK(find(google, "POST", "/v1beta/models/a/b:generateContent") == nullptr);
    CHECK(find("cloudcode-pa.googleapis.com", "POST", "/v1internal:loadCodeAssist") == nullptr);
}

TEST_CASE("the model of a path is found") {
    std::string_view model = "left over";
    CHECK(matches_path("/*/models/{model}:go", "/v1/models/gemini-2.5-pro:go", model));
    CHECK(model == "gemini-2.5-pro");
    CHECK(matches_path("/*/interactions", "/v1beta/interactions", model));
    CHECK(model.empty());
    CHECK_FALSE(matches_path("/*/models/{model}:go", "/v1/models/x:gone", model));
    CHECK_FALSE(matches_path("/a", "/a/", model));
}
