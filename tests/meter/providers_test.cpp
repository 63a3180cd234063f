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
    std::set<std::string> seen;
    for (const Provider* provider : all_providers()) {
        for (const Host& host : provider->hosts) {
            CAPTURE(host.name);
            CHECK((host.name.find("{region}") == host.name.npos) == host.regions.empty());
            REQUIRE_FALSE(domains_of(host).empty());
            for (const std::string& domain : domains_of(host)) {
                CAPTURE(domain);
                CHECK(seen.insert(domain).second);
                const bool is_below = host.name.starts_with("*.");
                const HostMatch found = find_host(is_below ? "x." + domain : domain);
                CHECK(found.provider == provider);
                CHECK(found.host == &host);
                if (is_below) CHECK(find_host(domain).provider == nullptr);
            }
        }
    }
    CHECK(find_host("example.com").provider == nullptr);
    CHECK(find_host("").provider == nullptr);
}

TEST_CASE("the three forms of a host's name") {
    CHECK(matches_host("api.openai.com", "api.openai.com"));
    CHECK_FALSE(matches_host("api.openai.com", "x.api.openai.com"));
    CHECK(matches_host("*.openai.azure.com", "a.openai.azure.com"));
    CHECK(matches_host("*.openai.azure.com", "a.b.openai.azure.com"));
    CHECK_FALSE(matches_host("*.openai.azure.com", "openai.azure.com"));
    CHECK_FALSE(matches_host("*.openai.azure.com", "xopenai.azure.com"));
    CHECK(matches_host("{region}-aiplatform.googleapis.com", "us-east5-aiplatform.googleapis.com"));
    CHECK_FALSE(matches_host("{region}-aiplatform.googleapis.com", "-aiplatform.googleapis.com"));
    CHECK_FALSE(matches_host("{region}-aiplatform.googleapis.com",
                             "evil.com-aiplatform.googleapis.com"));
    CHECK(matches_host("bedrock-runtime.{region}.amazonaws.com",
                       "bedrock-runtime.eu-west-1.amazonaws.com"));
    CHECK_FALSE(matches_host("bedrock-runtime.{region}.amazonaws.com",
                             "bedrock-runtime.s3.eu-west-1.amazonaws.com"));
}

TEST_CASE("every endpoint has a shape and no endpoint hides another") {
    for (const Provider* provider : all_providers()) {
        for (const Host& host : provider->hosts) {
            for (const Endpoint& endpoint : host.endpoints) {
                CAPTURE(host.name, endpoint.path);
                CHECK(endpoint.shape != nullptr);
                std::string path(endpoint.path);
                for (const std::string mark : {"{model}", "{model+}", "**", "*"}) {
                    for (auto at = path.find(mark); at != path.npos; at = path.find(mark)) {
                        path.replace(at, mark.size(), mark == "**" ? "/x" : "x");
                    }
                }
                CHECK(find_endpoint(host, endpoint.method, path) == &endpoint);
                CHECK(find_endpoint(host, "DELETE", path) == nullptr);
                // A GET is an upgrade to a socket, or fetches what a call before it began.
                const bool is_fetch = endpoint.billing == Billing::retrieval;
                const bool is_socket = endpoint.socket != nullptr;
                CHECK_FALSE((is_fetch && is_socket));
                CHECK((endpoint.method == "GET") == (is_fetch || is_socket));
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
    CHECK(find("api.openai.com", "GET", "/v1/responses/resp_1")->billing == Billing::retrieval);
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

TEST_CASE("providers that took over a format serve it under their own paths") {
    const auto shape_of = [](std::string_view host, std::string_view path) {
        const Endpoint* endpoint = find(host, "POST", path);
        return endpoint == nullptr ? "" : endpoint->shape->name;
    };
    CHECK(shape_of("r.openai.azure.com", "/openai/deployments/mine/chat/completions") ==
          "openai_chat");
    CHECK(shape_of("r.openai.azure.com", "//openai/deployments/mine/chat/completions") ==
          "openai_chat");
    CHECK(shape_of("r.services.ai.azure.com", "/anthropic/v1/messages") == "anthropic_messages");
    CHECK(shape_of("r.cognitiveservices.azure.com", "/speech/recognition") == "");
    CHECK(shape_of("us-east5-aiplatform.googleapis.com",
                   "/v1/projects/p/locations/us-east5/publishers/anthropic/models/"
                   "claude-x@20250101:streamRawPredict") == "anthropic_messages");
    CHECK(find("aiplatform.googleapis.com", "POST",
               "/v1/projects/p/locations/global/publishers/anthropic/models/"
               "count-tokens:rawPredict")
              ->billing == Billing::free);
    CHECK(shape_of("aiplatform.googleapis.com", "/v1/projects/p/locations/l/models/m:upload") ==
          "");
    CHECK(shape_of("bedrock-runtime.us-east-1.amazonaws.com", "/model/a.b-v1%3A0/converse") ==
          "bedrock_converse");
    CHECK(shape_of("bedrock-runtime.us-east-1.amazonaws.com", "/guardrail/g/version/1/apply") ==
          "");
    CHECK(shape_of("api.githubcopilot.com", "/chat/completions") == "openai_chat");
    CHECK(shape_of("api.business.githubcopilot.com", "/v1/messages") == "anthropic_messages");
    CHECK(shape_of("api.githubcopilot.com", "/models") == "");
    CHECK(shape_of("ollama.com", "/api/chat") == "ollama");
    CHECK(shape_of("router.huggingface.co", "/together/v1/chat/completions") == "openai_chat");
}

TEST_CASE("the model of a path is found") {
    std::string_view model = "left over";
    CHECK(matches_path("/*/models/{model}:go", "/v1/models/gemini-2.5-pro:go", model));
    CHECK(model == "gemini-2.5-pro");
    CHECK(matches_path("/*/interactions", "/v1beta/interactions", model));
    CHECK(model.empty());
    CHECK_FALSE(matches_path("/*/models/{model}:go", "/v1/models/x:gone", model));
    CHECK_FALSE(matches_path("/a", "/a/", model));
    CHECK(matches_path("/model/{model+}/converse", "/model/us.x-v1:0/converse", model));
    CHECK(model == "us.x-v1:0");
    CHECK_FALSE(matches_path("/model/{model+}/converse", "/model/a/b/converse", model));
    CHECK(matches_path("**/models/{model}:go", "/v1/projects/p/models/gemini:go", model));
    CHECK(model == "gemini");
    CHECK(matches_path("**/models/{model}:go", "/models/m:go", model));
    CHECK_FALSE(matches_path("**/models/{model}:go", "models/m:go", model));
    CHECK_FALSE(matches_path("**/models/{model}:go", "/models/m:go/", model));
}
