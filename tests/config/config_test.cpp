#include "config/config.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/limits.h"
#include "support/catch.h"

using halton::config::Config;
using halton::config::parse_config;

namespace {

// Whether one of the warnings names all of `words`.
bool warns_of(const std::vector<std::string>& warnings, std::vector<std::string> words) {
    for (const auto& warning : warnings) {
        bool has_all = true;
        for (const auto& word : words) has_all = has_all && warning.find(word) != std::string::npos;
        if (has_all) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("config: an empty text gives the documented defaults") {
    const auto parsed = parse_config("");
    CHECK(parsed.warnings.empty());
    CHECK(parsed.config.edge_port == 8081);
    CHECK(parsed.config.internal_port == 8090);
    CHECK(parsed.config.api_port == 8765);
    CHECK(parsed.config.edge_health_ttl.count() == 1000);
    CHECK(parsed.config.default_project == "misc");
    CHECK(parsed.config.cors_allow_origins == std::vector<std::string>{"http://localhost:3000"});
    CHECK_FALSE(parsed.config.has_upstream_proxy);
}

TEST_CASE("config: every key is read") {
    const auto parsed = parse_config(R"(
[daemon]
edge_port = 9081
internal_port = 9090
api_port = 9765
edge_health_ttl_ms = 500
drain_max_s = 60
[upstream]
proxy = "http://al%40ice:s3:cret@Proxy.Corp.example:3128/"
no_proxy = ["Internal.example", "*"]
connect_to = ["API.example.com:443=127.0.0.1:9443", "[2001:db8::1]:443=[::1]:9444"]
ca_file = "/etc/extra.pem"
[intercept]
extra_hosts = ["LLM.Corp.example."]
exclude_hosts = ["api.x.ai"]
[tagging]
default_project = "team/inbox"
[cors]
allow_origins = []
[log]
level = "DEBUG"
[unknown]
key = "kept and ignored"
)");
    CHECK(parsed.warnings.empty());
    const Config& config = parsed.config;
    CHECK(config.edge_port == 9081);
    CHECK(config.internal_port == 9090);
    CHECK(config.api_port == 9765);
    CHECK(config.edge_health_ttl.count() == 500);
    CHECK(config.drain_max.count() == 60);
    REQUIRE(config.has_upstream_proxy);
    CHECK(config.upstream_proxy.host == "proxy.corp.example");
    CHECK(config.upstream_proxy.port == 3128);
    // "al@ice:s3:cret"
    CHECK(config.upstream_proxy.authorization == "Basic YWxAaWNlOnMzOmNyZXQ=");
    CHECK(config.upstream_proxy_bypass == std::vector<std::string>{"internal.example", "*"});
    REQUIRE(config.connect_to.size() == 2);
    CHECK(config.connect_to[0].host == "api.example.com");
    CHECK(config.connect_to[0].port == 443);
    CHECK(config.connect_to[0].to_host == "127.0.0.1");
    CHECK(config.connect_to[0].to_port == 9443);
    CHECK(config.connect_to[1].host == "2001:db8::1");
    CHECK(config.connect_to[1].to_host == "::1");
    CHECK(config.upstream_ca_file == "/etc/extra.pem");
    CHECK(config.extra_hosts == std::vector<std::string>{"llm.corp.example"});
    CHECK(config.excluded_hosts == std::vector<std::string>{"api.x.ai"});
    CHECK(config.default_project == "team/inbox");
    CHECK(config.cors_allow_origins.empty());
    CHECK(config.log_level == "debug");
}

TEST_CASE("config: providers are added by host, shape and name") {
    const auto parsed = parse_config(R"(
[[provider.custom]]
host = "LLM.Corp.example."
shape = "OpenAI"
name = "gateway"
[[provider.custom]]
host = "*.models.example"
shape = "anthropic"
name = "models.example"
)");
    CHECK(parsed.warnings.empty());
    REQUIRE(parsed.config.custom_providers.size() == 2);
    CHECK(parsed.config.custom_providers[0].host == "llm.corp.example");
    CHECK(parsed.config.custom_providers[0].shape == "openai");
    CHECK(parsed.config.custom_providers[0].name == "gateway");
    CHECK(parsed.config.custom_providers[1].host == "*.models.example");
}

TEST_CASE("config: a bad provider is left out with a warning, the others stay") {
    const std::string good = "[[provider.custom]]\nhost = \"a.example\"\nshape = \"gemini\"\nname = \"a\"\n";
    struct Case {
        const char* toml;
        const char* word;
    };
    const Case cases[] = {
        {"host = \"\"\nshape = \"openai\"\nname = \"x\"", "host"},
        {"host = 7\nshape = \"openai\"\nname = \"x\"", "host"},
        {"host = \"b.example:443\"\nshape = \"openai\"\nname = \"x\"", "host"},
        {"host = \"*.example\"\nshape = \"openai\"\nname = \"x\"", "host"},
        {"host = \"*\"\nshape = \"openai\"\nname = \"x\"", "host"},
        {"host = \".b.example\"\nshape = \"openai\"\nname = \"x\"", "host"},
        {"host = \"b.example\"\nshape = \"soap\"\nname = \"x\"", "shape"},
        {"host = \"b.example\"\nname = \"x\"", "shape"},
        {"host = \"b.example\"\nshape = \"openai\"", "name"},
        {"host = \"b.example\"\nshape = \"openai\"\nname = \"Our Gateway\"", "name"},
    };
    for (const auto& each : cases) {
        CAPTURE(each.toml);
        const auto parsed = parse_config(good + "[[provider.custom]]\n" + each.toml);
        REQUIRE(parsed.warnings.size() == 1);
        CHECK(parsed.warnings[0].find(each.word) != std::string::npos);
        REQUIRE(parsed.config.custom_providers.size() == 1);
        CHECK(parsed.config.custom_providers[0].name == "a");
    }
    for (const char* toml : {"[provider]\ncustom = 3", "[provider.custom]\nhost = \"a.example\""}) {
        CHECK(parse_config(toml).warnings.size() == 1);
        CHECK(parse_config(toml).config.custom_providers.empty());
    }
    std::string many;
    for (std::size_t i = 0; i < halton::limits::custom_provider_count_max + 5; ++i) many += good;
    CHECK(parse_config(many).warnings.size() == 1);
    CHECK(parse_config(many).config.custom_providers.size() == halton::limits::custom_provider_count_max);
    // A list of other things than tables.
    CHECK(parse_config("[provider]\ncustom = [1]").warnings.size() == 1);
}

TEST_CASE("config: a bad value becomes a warning with key and value, and the default holds") {
    struct Case {
        const char* toml;
        std::vector<std::string> words;
    };
    const Case cases[] = {
        {"[daemon]\nedge_port = 80", {"daemon.edge_port", "80", "8081"}},
        {"[daemon]\nedge_port = 65536", {"daemon.edge_port", "65536"}},
        {"[daemon]\nedge_port = -1", {"daemon.edge_port", "-1"}},
        {"[daemon]\nedge_port = \"8081\"", {"daemon.edge_port", "\"8081\""}},
        {"[daemon]\nedge_port = 8081.0", {"daemon.edge_port"}},
        {"[daemon]\nedge_port = true", {"daemon.edge_port", "true"}},
        {"[daemon]\nedge_health_ttl_ms = 10", {"edge_health_ttl_ms", "10", "1000"}},
        {"[daemon]\nedge_health_ttl_ms = 99999999", {"edge_health_ttl_ms"}},
        {"[daemon]\ndrain_max_s = 0", {"daemon.drain_max_s", "seconds", "14400"}},
        {"[daemon]\ndrain_max_s = 700000", {"daemon.drain_max_s"}},
        {"[daemon]\ndrain_max_s = \"1h\"", {"daemon.drain_max_s", "1h"}},
        {"[daemon]\napi_port = 8081", {"8081, 8090, 8081", "differ"}},
        {"[upstream]\nproxy = \"socks5://127.0.0.1:1080\"", {"upstream.proxy"}},
        {"[upstream]\nproxy = \"http://nowhere\"", {"upstream.proxy"}},
        {"[upstream]\nproxy = 3128", {"upstream.proxy", "3128"}},
        {"[upstream]\nconnect_to = [\"a:1\", 7]", {"upstream.connect_to", "a:1"}},
        {"[upstream]\nconnect_to = \"a:1=b:2\"", {"upstream.connect_to", "array"}},
        {"[intercept]\nextra_hosts = [\"has space\"]", {"intercept.extra_hosts", "has space"}},
        {"[tagging]\ndefault_project = \"My Project\"", {"tagging.default_project", "misc"}},
        {"[log]\nlevel = \"loud\"", {"log.level", "loud", "info"}},
    };
    const Config defaults;
    for (const auto& each : cases) {
        INFO(each.toml);
        const auto parsed = parse_config(each.toml);
        CHECK(warns_of(parsed.warnings, each.words));
        CHECK(parsed.config.edge_port == defaults.edge_port);
        CHECK(parsed.config.api_port == defaults.api_port);
        CHECK(parsed.config.edge_health_ttl == defaults.edge_health_ttl);
        CHECK(parsed.config.drain_max == defaults.drain_max);
        CHECK_FALSE(parsed.config.has_upstream_proxy);
        CHECK(parsed.config.connect_to.empty());
        CHECK(parsed.config.extra_hosts.empty());
        CHECK(parsed.config.default_project == defaults.default_project);
        CHECK(parsed.config.log_level == defaults.log_level);
    }
}

TEST_CASE("config: one bad value leaves the others alone") {
    const auto parsed = parse_config("[daemon]\nedge_port = 1\napi_port = 9000");
    CHECK(parsed.warnings.size() == 1);
    CHECK(parsed.config.edge_port == 8081);
    CHECK(parsed.config.api_port == 9000);
}

TEST_CASE("config: port 0 asks for any free port, for all three at once") {
    const auto parsed = parse_config("[daemon]\nedge_port = 0\ninternal_port = 0\napi_port = 0");
    CHECK(parsed.warnings.empty());
    CHECK(parsed.config.edge_port == 0);
    CHECK(parsed.config.internal_port == 0);
    CHECK(parsed.config.api_port == 0);
}

TEST_CASE("config: a proxy's password never appears in a warning") {
    const auto parsed = parse_config("[upstream]\nproxy = \"ftp://user:hunter2@host:1\"");
    REQUIRE(parsed.warnings.size() == 1);
    CHECK(parsed.warnings[0].find("hunter2") == std::string::npos);
}

TEST_CASE("config: text that is no TOML gives the defaults and names the line") {
    const auto parsed = parse_config("[daemon]\nedge_port = = 3\n");
    REQUIRE(parsed.warnings.size() == 1);
    CHECK(parsed.warnings[0].find("line 2") != std::string::npos);
    CHECK(parsed.config.edge_port == 8081);
    CHECK(parse_config(std::string("\0\xff\xfe[[", 5)).warnings.size() == 1);
    CHECK(parse_config(std::string(2'000'000, '#')).warnings.size() == 1);
    CHECK(parse_config("daemon = 3").config.edge_port == 8081);
}

TEST_CASE("config: negotiated prices, and bad ones by their number") {
    const auto parsed = parse_config(R"(
[[pricing.override]]
provider = "anthropic"
model = "claude-sonnet-4-5"
input = 2.4
output = 12
cache_read = 0.000001
from = 2026-01-01
to = "2026-12-31"

[[pricing.override]]
provider = "openai"
model = "gpt-5"
tier = "batch"
above_tokens = 200000
cache_write_1h = 0
)");
    CHECK(parsed.warnings.empty());
    REQUIRE(parsed.config.price_overrides.size() == 2);
    const auto& first = parsed.config.price_overrides[0];
    CHECK(first.provider == "anthropic");
    CHECK(first.model == "claude-sonnet-4-5");
    CHECK(first.tier == "standard");
    CHECK(first.above_tokens == -1);
    CHECK(first.first_day == "2026-01-01");
    CHECK(first.last_day == "2026-12-31");
    REQUIRE(first.prices.size() == 3);
    for (const auto& price : first.prices) {
        if (price.name == "input") CHECK(price.nanousd_per_thousand == 2'400'000);
        if (price.name == "output") CHECK(price.nanousd_per_thousand == 12'000'000);
        if (price.name == "cache_read") CHECK(price.nanousd_per_thousand == 1);
    }
    CHECK(parsed.config.price_overrides[1].tier == "batch");
    CHECK(parsed.config.price_overrides[1].above_tokens == 200'000);

    for (const auto& [body, why] : std::vector<std::pair<std::string, std::string>>{
             {"model = \"m\"\ninput = 1", "provider is missing"},
             {"provider = \"p\"\ninput = 1", "model is missing"},
             {"provider = \"p\"\nmodel = \"m\"", "it names no price"},
             {"provider = \"p\"\nmodel = \"m\"\ninput = -1",
              "input is not a price in USD per million tokens"},
             {"provider = \"p\"\nmodel = \"m\"\ninput = \"1\"",
              "input is not a price in USD per million tokens"},
             {"provider = \"p\"\nmodel = \"m\"\ninput = 1e9",
              "input is not a price in USD per million tokens"},
             {"provider = \"p\"\nmodel = \"m\"\ninput = nan",
              "input is not a price in USD per million tokens"},
             {"provider = \"p\"\nmodel = \"m\"\ncache-read = 1", "there is no key 'cache-read'"},
             {"provider = \"p\"\nmodel = \"m\"\ninput = 1\ntier = \"slow\"",
              "tier is not one of standard, batch, flex, priority"},
             {"provider = \"p\"\nmodel = \"m\"\ninput = 1\nfrom = \"soon\"",
              "from is not a day such as 2026-11-21"},
             {"provider = \"p\"\nmodel = \"m\"\ninput = 1\nfrom = 2026-02-01\nto = 2026-01-01",
              "it ends before it begins"},
             {"provider = \"p\"\nmodel = \"m\"\ninput = 1\nabove_tokens = -5",
              "above_tokens is not a number of tokens"},
             {"provider = 5\nmodel = \"m\"\ninput = 1", "provider is not a text"}}) {
        CAPTURE(body);
        const auto bad = parse_config(
            "[[pricing.override]]\nprovider = \"p\"\nmodel = "
            "\"ok\"\ninput = 1\n[[pricing.override]]\n" +
            body);
        REQUIRE(bad.warnings.size() == 1);
        CHECK(bad.warnings[0] == "config.toml: pricing.override 2: " + why + "; ignored");
        CHECK(bad.config.price_overrides.size() == 1);
    }
    CHECK(parse_config("[pricing]\noverride = 5").warnings.size() == 1);
    CHECK(parse_config("[pricing]\noverride = [5]").warnings.size() == 1);
    std::string many;
    for (std::size_t i = 0; i <= halton::limits::price_overrides_max; ++i)
        many +=
            fmt::format("[[pricing.override]]\nprovider = \"p\"\nmodel = \"m{}\"\ninput = 1\n", i);
    const auto full = parse_config(many);
    CHECK(full.config.price_overrides.size() == halton::limits::price_overrides_max);
    CHECK(full.warnings.size() == 1);
}

TEST_CASE("config: the command that is told of events") {
    const auto good = parse_config("[notify]\ncommand = [\"notify-send\", \"halton meter\"]\n");
    CHECK(good.warnings.empty());
    CHECK(good.config.notify_command ==
          std::vector<std::string>{"notify-send", "halton meter"});
    CHECK(parse_config("").config.notify_command.empty());
    CHECK(parse_config("[notify]\ncommand = []\n").config.notify_command.empty());
    // All or nothing: half of its arguments would be another command.
    for (const auto* text : {"command = \"notify-send x\"", "command = [\"a\", 5]",
                             "command = [\"\", \"x\"]", "command = [\"a\", \"b\\u0000c\"]"}) {
        INFO(text);
        const auto odd = parse_config("[notify]\n" + std::string(text) + "\n");
        CHECK_FALSE(odd.warnings.empty());
        CHECK(odd.config.notify_command.empty());
    }
}

TEST_CASE("config: bodies") {
    const auto defaults = parse_config("").config;
    CHECK_FALSE(defaults.captures_bodies);
    CHECK(defaults.body_retention_days == 30);
    CHECK(defaults.body_size_limit_mib == 1024);
    const auto good =
        parse_config("[bodies]\ncapture = true\nretention_days = 0\nsize_limit_mb = 5\n");
    CHECK(good.warnings.empty());
    CHECK(good.config.captures_bodies);
    CHECK(good.config.body_retention_days == 0);
    CHECK(good.config.body_size_limit_mib == 5);
    const auto bad =
        parse_config("[bodies]\ncapture = \"on\"\nretention_days = -1\nsize_limit_mb = 1.5\n");
    CHECK(bad.warnings.size() == 3);
    CHECK_FALSE(bad.config.captures_bodies);
    CHECK(bad.config.body_retention_days == 30);
    CHECK(bad.config.body_size_limit_mib == 1024);
}
