#include "meter/hosts.h"

#include "support/catch.h"

using halton::meter::HostList;

TEST_CASE("the provider table decides which hosts are decrypted") {
    const HostList hosts({}, {});
    CHECK(hosts.all() == std::vector<std::string>{
                             "api.anthropic.com", "api.openai.com", "api.x.ai", "chatgpt.com",
                             "cloudcode-pa.googleapis.com", "generativelanguage.googleapis.com"});
    CHECK(hosts.is_metered("api.openai.com"));
    CHECK_FALSE(hosts.is_metered("openai.com"));
    CHECK_FALSE(hosts.is_metered("api.openai.com.evil.example"));
    CHECK_FALSE(hosts.is_metered(""));
}

TEST_CASE("the config adds and takes away") {
    const HostList hosts({"llm.example", "api.openai.com"}, {"chatgpt.com", "unknown.example"});
    CHECK(hosts.is_metered("llm.example"));
    CHECK(hosts.is_metered("api.openai.com"));
    CHECK_FALSE(hosts.is_metered("chatgpt.com"));
    CHECK(hosts.all().size() == 6);
}
