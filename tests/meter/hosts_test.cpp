#include "meter/hosts.h"

#include <algorithm>

#include "support/catch.h"

using halton::meter::HostList;

namespace {

bool holds(const HostList& hosts, const std::string& name) {
    return std::binary_search(hosts.all().begin(), hosts.all().end(), name);
}

}  // namespace

TEST_CASE("the provider table decides which hosts are decrypted") {
    const HostList hosts({}, {});
    for (const char* host : {"api.anthropic.com", "api.openai.com", "api.x.ai", "chatgpt.com",
                             "cloudcode-pa.googleapis.com", "generativelanguage.googleapis.com",
                             "openrouter.ai", "api.githubcopilot.com"}) {
        CAPTURE(host);
        CHECK(hosts.is_metered(host));
        CHECK(holds(hosts, host));
    }
    CHECK(std::is_sorted(hosts.all().begin(), hosts.all().end()));
    CHECK_FALSE(hosts.is_metered("openai.com"));
    CHECK_FALSE(hosts.is_metered("api.openai.com.evil.example"));
    CHECK_FALSE(hosts.is_metered("v2.api.openai.com"));
    CHECK_FALSE(hosts.is_metered(""));
}

TEST_CASE("a domain is decrypted below itself only") {
    const HostList hosts({}, {});
    CHECK(hosts.is_metered("my-resource.openai.azure.com"));
    CHECK(hosts.is_metered("x.y.endpoints.huggingface.cloud"));
    CHECK_FALSE(hosts.is_metered("openai.azure.com"));
    CHECK_FALSE(hosts.is_metered(".openai.azure.com"));
    CHECK_FALSE(hosts.is_metered("my-openai.azure.com"));
    CHECK_FALSE(hosts.is_metered("portal.azure.com"));
    CHECK(holds(hosts, "openai.azure.com"));
    CHECK_FALSE(holds(hosts, "azure.com"));
}

TEST_CASE("hosts of a region are named one by one, never their whole domain") {
    const HostList hosts({}, {});
    for (const char* host :
         {"bedrock-runtime.us-east-1.amazonaws.com", "us-central1-aiplatform.googleapis.com",
          "aiplatform.googleapis.com", "bedrock-mantle.eu-west-1.api.aws"}) {
        CAPTURE(host);
        CHECK(hosts.is_metered(host));
        CHECK(holds(hosts, host));
    }
    for (const char* host :
         {"s3.us-east-1.amazonaws.com", "storage.googleapis.com", "amazonaws.com",
          "bedrock-runtime.moon-1.amazonaws.com", "evil-aiplatform.googleapis.com"}) {
        CAPTURE(host);
        CHECK_FALSE(hosts.is_metered(host));
        CHECK_FALSE(holds(hosts, host));
    }
    // A region that is newer than this program.
    const HostList more({"bedrock-runtime.moon-1.amazonaws.com"}, {});
    CHECK(more.is_metered("bedrock-runtime.moon-1.amazonaws.com"));
}

TEST_CASE("the config adds and takes away") {
    const std::size_t count = HostList({}, {}).all().size();
    const HostList hosts({"llm.example", "api.openai.com"}, {"chatgpt.com", "unknown.example"});
    CHECK(hosts.is_metered("llm.example"));
    CHECK(hosts.is_metered("api.openai.com"));
    CHECK_FALSE(hosts.is_metered("chatgpt.com"));
    CHECK(hosts.all().size() == count);

    const HostList some({}, {"secret.openai.azure.com", "*.services.ai.azure.com"});
    CHECK(some.is_metered("open.openai.azure.com"));
    CHECK_FALSE(some.is_metered("secret.openai.azure.com"));
    CHECK_FALSE(some.is_metered("any.services.ai.azure.com"));
    CHECK(holds(some, "openai.azure.com"));
    CHECK_FALSE(holds(some, "services.ai.azure.com"));
}
