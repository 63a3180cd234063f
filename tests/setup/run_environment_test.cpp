#include "setup/run_environment.h"

#include "support/catch.h"

using namespace halton;
using setup::make_run_environment;
using setup::RunSettings;
using setup::Variables;

namespace {

const RunSettings settings{18081, "/data/ca.pem", "/data/ca-bundle.pem"};
const std::vector<std::string> hosts{"api.anthropic.com", "api.openai.com", "chatgpt.com"};

}  // namespace

TEST_CASE("run environment: what is set, and nothing else") {
    const auto made = make_run_environment({{"PATH", "/bin"}}, settings);
    Variables expected{{"PATH", "/bin"}};
    for (const char* name : {"HTTPS_PROXY", "https_proxy"})
        expected[name] = "http://127.0.0.1:18081";
    for (const char* name : {"NO_PROXY", "no_proxy"}) expected[name] = "localhost,127.0.0.1,::1";
    for (const char* name : {"NODE_EXTRA_CA_CERTS", "DENO_CERT"}) expected[name] = "/data/ca.pem";
    for (const char* name :
         {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
          "AWS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO", "CODEX_CA_CERTIFICATE"})
        expected[name] = "/data/ca-bundle.pem";
    expected["NODE_USE_ENV_PROXY"] = "1";
    expected["AIOHTTP_TRUST_ENV"] = "True";
    CHECK(made == expected);
}

TEST_CASE("run environment: what the user has of other things stays") {
    const Variables own{{"ALL_PROXY", "socks5://x"},
                        {"HTTP_PROXY", "http://x:1"},
                        {"NODE_OPTIONS", "--inspect"},
                        {"HALTON_PROJECT", "shop"}};
    const auto made = make_run_environment(own, settings);
    for (const auto& [name, value] : own) CHECK(made.at(name) == value);
}

TEST_CASE("run environment: Java on demand") {
    RunSettings with_java = settings;
    with_java.java_trust_file = "/data/run-ca/1.p12";
    const std::string options =
        "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=18081 "
        "-Dhttp.nonProxyHosts=localhost|127.*|[::1] "
        "-Djavax.net.ssl.trustStore=/data/run-ca/1.p12 -Djavax.net.ssl.trustStoreType=PKCS12";
    CHECK(setup::make_java_options({}, with_java) == options);
    CHECK_FALSE(setup::make_java_options({}, settings));
    CHECK(make_run_environment({}, with_java).at("JAVA_TOOL_OPTIONS") == options);
    CHECK(make_run_environment({}, settings).count("JAVA_TOOL_OPTIONS") == 0);
    // Behind what is there, and once.
    const auto made = make_run_environment({{"JAVA_TOOL_OPTIONS", "-Xmx1g"}}, with_java);
    CHECK(made.at("JAVA_TOOL_OPTIONS") == "-Xmx1g " + options);
    CHECK(make_run_environment(made, with_java) == made);
    CHECK_FALSE(setup::find_own_java_option(made, options));
}

TEST_CASE("run environment: Java's bypass and quotes") {
    RunSettings with_java = settings;
    with_java.java_trust_file = "/my data/1.p12";
    const auto options = [&](const std::string& no_proxy) {
        return *setup::make_java_options({{"NO_PROXY", no_proxy}}, with_java);
    };
    CHECK(options("").find("\"-Djavax.net.ssl.trustStore=/my data/1.p12\"") != std::string::npos);
    CHECK(options("a.example,.b.example,*.c:8443,10.0.0.0/8,fe80::1,x|y")
              .find("=localhost|127.*|[::1]|a.example|*.a.example|*.b.example|*.c ") !=
          std::string::npos);
    CHECK(options("a,*").find("-Dhttp.nonProxyHosts=* ") != std::string::npos);
    with_java.java_trust_file = "/it's \"data\"";
    CHECK_FALSE(setup::make_java_options({}, with_java));
}

TEST_CASE("run environment: a proxy or trust store that Java was given stays") {
    const auto found = [](const std::string& own) {
        return setup::find_own_java_option({{"JAVA_TOOL_OPTIONS", own}}, "-Dours=1");
    };
    CHECK_FALSE(found("-Xmx1g -Dx=y"));
    CHECK_FALSE(found("-Xmx1g -Dours=1"));
    CHECK(found("-Djavax.net.ssl.trustStore=/x") == "-Djavax.net.ssl.trustStore");
    CHECK(found("-Dours=1 -Dhttps.proxyHost=corp") == "-Dhttps.proxyHost");
    CHECK_FALSE(setup::find_own_java_option({}, "-Dours=1"));
}

TEST_CASE("run environment: a nested run changes nothing") {
    const auto once = make_run_environment({{"NO_PROXY", "a.example"}}, settings);
    CHECK(make_run_environment(once, settings) == once);
    CHECK_FALSE(setup::find_foreign_proxy(once, settings.edge_port).has_value());
}

TEST_CASE("run environment: the user's NO_PROXY is extended") {
    const auto no_proxy = [](const Variables& own) {
        const auto made = make_run_environment(own, settings);
        CHECK(made.at("NO_PROXY") == made.at("no_proxy"));
        return made.at("NO_PROXY");
    };
    CHECK(no_proxy({{"NO_PROXY", "a.example, .b.example"}}) ==
          "a.example,.b.example,localhost,127.0.0.1,::1");
    CHECK(no_proxy({{"no_proxy", "a b"}}) == "a,b,localhost,127.0.0.1,::1");
    CHECK(no_proxy({{"NO_PROXY", "a"}, {"no_proxy", "b,a"}}) == "a,b,localhost,127.0.0.1,::1");
    CHECK(no_proxy({{"NO_PROXY", "::1,Localhost"}}) == "::1,localhost,127.0.0.1");
    CHECK(no_proxy({{"NO_PROXY", " , "}}) == "localhost,127.0.0.1,::1");
    CHECK(no_proxy({{"NO_PROXY", "*"}}) == "*");
    CHECK(no_proxy({{"NO_PROXY", "a,*"}}) == "*");
}

TEST_CASE("run environment: the user's own CA files, each once") {
    const auto none = setup::find_own_ca_files({{"SSL_CERT_FILE", " "}, {"OTHER", "/x"}});
    CHECK(none.adding.empty());
    CHECK(none.replacing.empty());
    const auto found = setup::find_own_ca_files({{"NODE_EXTRA_CA_CERTS", "/corp.pem"},
                                                 {"DENO_CERT", "/corp.pem"},
                                                 {"SSL_CERT_FILE", "/a.pem"},
                                                 {"CURL_CA_BUNDLE", "/b.pem"},
                                                 {"PIP_CERT", "/a.pem"}});
    CHECK(found.adding == std::vector<std::string>{"/corp.pem"});
    CHECK(found.replacing == std::vector<std::string>{"/a.pem", "/b.pem"});
}

TEST_CASE("run environment: a proxy that is not the edge is told, without its password") {
    const auto foreign = [](const char* url) {
        return setup::find_foreign_proxy({{"HTTPS_PROXY", url}}, 8081).has_value();
    };
    for (const char* ours : {"http://127.0.0.1:8081", "http://localhost:8081/", "127.0.0.1:8081",
                             "http://[::1]:8081", ""})
        CHECK_FALSE(foreign(ours));
    for (const char* other : {"http://127.0.0.1:3128", "http://proxy.corp.example:8081",
                              "http://me:secret@proxy.corp.example:8080"})
        CHECK(foreign(other));
    CHECK(setup::find_foreign_proxy({{"https_proxy", "http://c:1"}}, 8081) == "http://c:1");
    CHECK_FALSE(setup::find_foreign_proxy({}, 8081).has_value());
}

TEST_CASE("run environment: where no edge is, nothing leads to its port") {
    const setup::Variables own{{"HTTPS_PROXY", "http://127.0.0.1:8081"},
                               {"http_proxy", "http://localhost:8081/"},
                               {"ALL_PROXY", "http://[::1]:8081"},
                               {"https_proxy", "http://127.0.0.1:8082"},
                               {"NO_PROXY", "a"}};
    CHECK(setup::remove_edge_proxy(own, 8081) ==
          setup::Variables{{"https_proxy", "http://127.0.0.1:8082"}, {"NO_PROXY", "a"}});
    CHECK(setup::to_shown_proxy("http://me:s@cret@proxy.example:8080/x") == "proxy.example:8080");
}

TEST_CASE("run environment: hosts that NO_PROXY keeps away") {
    const auto bypassed = [](const char* value) {
        return setup::find_bypassed_hosts({{"no_proxy", value}}, hosts);
    };
    CHECK(bypassed("").empty());
    CHECK(bypassed("localhost,127.0.0.1,::1,example.com").empty());
    CHECK(bypassed("pi.anthropic.com,anthropic.co,openai").empty());
    CHECK(bypassed("*") == hosts);
    for (const char* form : {"anthropic.com", ".anthropic.com", "*.anthropic.com",
                             "API.Anthropic.com", "api.anthropic.com:443", "x anthropic.com"})
        CHECK(bypassed(form) == std::vector<std::string>{"api.anthropic.com"});
}
