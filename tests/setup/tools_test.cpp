#include "setup/tools.h"

#include <algorithm>
#include <set>

#include "support/catch.h"

using namespace halton;
using setup::Finding;
using setup::Health;
using setup::Mode;
using setup::ProcessFact;
using setup::Variables;

namespace {

setup::ToolWorld make_world(Mode mode = Mode::env_only) {
    setup::ToolWorld world;
    world.edge_port = 8081;
    world.data_folder = "/home/u/.halton-meter";
    world.mode = mode;
    world.hosts = {"api.anthropic.com", "api.openai.com"};
    world.is_file = [](const std::string& path) { return path.find("gone") == std::string::npos; };
    world.is_listening = [](std::uint16_t port) { return port == 3128; };
    return world;
}

const Variables well{{"HTTPS_PROXY", "http://127.0.0.1:8081"},
                     {"NODE_EXTRA_CA_CERTS", "/home/u/.halton-meter/ca.pem"},
                     {"SSL_CERT_FILE", "/home/u/.halton-meter/ca-bundle.pem"}};

ProcessFact claude(Variables variables, int pid = 7) {
    return {pid, "/home/u/.local/share/claude/versions/2.1.197", {"claude"}, std::move(variables)};
}

std::set<std::string> codes_of(const std::vector<Finding>& findings) {
    std::set<std::string> codes;
    for (const auto& finding : findings) codes.insert(finding.code);
    return codes;
}

// What a claude with these variables is told.
std::vector<Finding> findings_of(const Variables& variables, Mode mode = Mode::apps) {
    const auto reports = setup::judge_tools({claude(variables)}, make_world(mode));
    REQUIRE(reports.size() == 1);
    return reports[0].findings;
}

const Finding& find(const std::vector<Finding>& findings, const std::string& code) {
    const auto found = std::find_if(findings.begin(), findings.end(),
                                    [&](const Finding& finding) { return finding.code == code; });
    INFO(code);
    REQUIRE(found != findings.end());
    return *found;
}

std::string name_of(const ProcessFact& process) {
    const auto* tool = setup::find_tool(process);
    return tool ? std::string(tool->name) : "none";
}

}  // namespace

TEST_CASE("tools: known by program, by the name it was called with, by its script") {
    CHECK(name_of({1, "/usr/bin/codex", {"codex"}, {}}) == "codex");
    CHECK(name_of(claude({})) == "claude");
    CHECK(name_of({1, "/usr/bin/node", {"node", "--no-warnings", "/usr/lib/bin/gemini"}, {}}) ==
          "gemini");
    CHECK(name_of({1,
                   "/usr/bin/node",
                   {"node", "/x/node_modules/@anthropic-ai/claude-code/cli.js"},
                   {}}) == "claude");
    CHECK(name_of({1, "/usr/bin/python3.12", {"python3", "/venv/bin/aider"}, {}}) == "aider");
    CHECK(name_of({1, "/usr/share/code/code", {"/usr/share/code/code"}, {}}) == "code");
    // Their helpers, other programs, and arguments that only sound alike.
    CHECK(name_of({1, "/usr/share/code/code", {"code", "--type=renderer"}, {}}) == "none");
    CHECK(name_of({1, "/usr/bin/vim", {"vim", "claude"}, {}}) == "none");
    CHECK(name_of({1, "/usr/bin/node", {"node", "server.js"}, {}}) == "none");
    CHECK(name_of({1, "/usr/bin/node", {"node"}, {}}) == "none");
    CHECK(name_of({1, "", {}, {}}) == "none");
}

TEST_CASE("tools: one that comes through us has nothing to be told") {
    CHECK(findings_of(well).empty());
    CHECK(findings_of(well, Mode::env_only).empty());
}

TEST_CASE("tools: no variables are a fault only where the mode gives them to everybody") {
    const auto apps = findings_of({}, Mode::apps);
    CHECK(find(apps, "env.not_metered").health == Health::odd);
    CHECK(find(apps, "env.not_metered").action == "halton-meter run -- claude");
    CHECK(find(findings_of({}, Mode::env_only), "env.not_metered").health == Health::off);
}

TEST_CASE("tools: old ports, dead and taken") {
    auto variables = well;
    variables["HTTPS_PROXY"] = "http://127.0.0.1:8080";
    const auto dead = find(findings_of(variables), "env.dead_port");
    CHECK(dead.health == Health::broken);
    CHECK(dead.detail.find("8080") != std::string::npos);
    variables["HTTPS_PROXY"] = "http://localhost:3128/";
    CHECK(find(findings_of(variables), "env.other_port").health == Health::odd);
    // In env-only mode it is none of our doing.
    CHECK(find(findings_of(variables, Mode::env_only), "env.other_port").health == Health::off);
}

TEST_CASE("tools: a foreign proxy is shown without its password") {
    auto variables = well;
    variables["HTTPS_PROXY"] = "http://me:secret@proxy.example.com:3128";
    const auto foreign = find(findings_of(variables), "env.foreign_proxy");
    CHECK(foreign.detail.find("proxy.example.com:3128") != std::string::npos);
    CHECK(foreign.detail.find("secret") == std::string::npos);
    CHECK(foreign.detail.find("me:") == std::string::npos);
}

TEST_CASE("tools: CA files that are gone, and none at all") {
    auto variables = well;
    variables["NODE_EXTRA_CA_CERTS"] = "/home/u/.halton-meter/gone.pem";
    CHECK(find(findings_of(variables), "env.ca_file_gone").health == Health::broken);
    // One of ours counts in every mode, for we put it there; a stranger's does not.
    Variables left{{"SSL_CERT_FILE", "/home/u/.halton-meter/gone.pem"}};
    CHECK(find(findings_of(left, Mode::env_only), "env.ca_file_gone").health == Health::broken);
    left["SSL_CERT_FILE"] = "/opt/gone.pem";
    CHECK(find(findings_of(left, Mode::env_only), "env.ca_file_gone").health == Health::off);
    const auto none = findings_of({{"HTTPS_PROXY", "http://127.0.0.1:8081"}}, Mode::env_only);
    CHECK(find(none, "env.no_ca").health == Health::odd);
    // Codex does not read what Claude Code reads.
    const auto reports =
        setup::judge_tools({{1,
                             "/usr/bin/codex",
                             {"codex"},
                             {{"HTTPS_PROXY", "http://127.0.0.1:8081"},
                              {"NODE_EXTRA_CA_CERTS", "/home/u/.halton-meter/ca.pem"}}}},
                           make_world());
    CHECK(codes_of(reports[0].findings).contains("env.no_ca"));
}

TEST_CASE("tools: ALL_PROXY, NO_PROXY over a provider, the system's store") {
    auto variables = well;
    variables["all_proxy"] = "socks5://u:pw@proxy.example.com:1080";
    variables["NO_PROXY"] = "localhost,.anthropic.com";
    variables["NODE_OPTIONS"] = "--max-old-space-size=4096 --use-system-ca";
    variables["ANTHROPIC_BASE_URL"] = "https://gateway.example.com/v1";
    const auto findings = findings_of(variables);
    CHECK(codes_of(findings) == std::set<std::string>{"env.all_proxy", "env.no_proxy_covers",
                                                      "env.system_ca", "env.base_url"});
    for (const auto& finding : findings) {
        CHECK(finding.detail.find("pw") == std::string::npos);
        CHECK(finding.action == "halton-meter run -- claude");
    }
    variables = well;
    variables["NO_PROXY"] = "localhost,127.0.0.1,::1";
    variables["ANTHROPIC_BASE_URL"] = "https://api.anthropic.com";
    CHECK(findings_of(variables).empty());
}

TEST_CASE("tools: the same again is counted, another state is not") {
    const auto reports = setup::judge_tools(
        {claude(well, 1), claude(well, 2), claude({}, 3), {9, "/usr/bin/vim", {"vim"}, {}}},
        make_world());
    REQUIRE(reports.size() == 2);
    CHECK(reports[0].pid == 1);
    CHECK(reports[0].more_count == 1);
    CHECK(reports[1].pid == 3);
}

TEST_CASE("tools: the shell that asks is told what to unset") {
    const auto world = make_world();
    const auto report = setup::judge_shell({{"ALL_PROXY", "http://x:1"},
                                            {"SSL_CERT_FILE", "/opt/gone.pem"},
                                            {"HTTPS_PROXY", "http://127.0.0.1:9"}},
                                           world);
    CHECK(find(report.findings, "env.all_proxy").action == "unset ALL_PROXY all_proxy");
    CHECK(find(report.findings, "env.ca_file_gone").action == "unset SSL_CERT_FILE");
    CHECK(find(report.findings, "env.dead_port").action == "unset HTTPS_PROXY https_proxy");
    CHECK(find(report.findings, "env.dead_port").health == Health::broken);
    // Nothing set is as it should be, unless every new shell is to have it.
    CHECK(setup::judge_shell({}, world).findings.empty());
    CHECK(codes_of(setup::judge_shell({}, make_world(Mode::apps)).findings) ==
          std::set<std::string>{"env.not_metered"});
    const auto corporate = setup::judge_shell({{"https_proxy", "http://proxy.example:1"}}, world);
    CHECK(find(corporate.findings, "env.foreign_proxy").health == Health::off);
}

TEST_CASE("tools: Claude Code's settings lead elsewhere") {
    const auto judge = [](std::string_view text) {
        return setup::judge_claude_settings("/home/u/.claude/settings.json", text, make_world());
    };
    CHECK(judge("{}").empty());
    CHECK(
        judge(R"({"env":{"FOO":"1","HTTPS_PROXY":"http://127.0.0.1:8081"},"model":"x"})").empty());
    CHECK(judge(R"({"env":[1,2]})").empty());
    CHECK(judge(R"({"env":{"HTTPS_PROXY":7}})").empty());
    const auto findings = judge(R"({"env":{"HTTPS_PROXY":"http://u:secret@proxy.example:3128",
        "ANTHROPIC_BASE_URL":"https://gateway.example/x?key=secret",
        "NODE_EXTRA_CA_CERTS":"/opt/corp.pem","SSL_CERT_FILE":"/opt/gone.pem",
        "NO_PROXY":"*","ALL_PROXY":"http://u:secret@x:1","NODE_OPTIONS":"--use-system-ca",
        "ANTHROPIC_AUTH_TOKEN":"secret"}})");
    CHECK(codes_of(findings) == std::set<std::string>{"claude.proxy", "claude.base_url",
                                                      "claude.ca", "claude.ca_file_gone",
                                                      "claude.all_proxy", "claude.no_proxy",
                                                      "claude.system_ca"});
    for (const auto& finding : findings) {
        INFO(finding.detail);
        CHECK(finding.detail.find("secret") == std::string::npos);
        CHECK(finding.detail.find("settings.json") != std::string::npos);
    }
    for (const char* bad : {"", "{", "[]", "// comment\n{}", "\xff\xfe"})
        CHECK(codes_of(judge(bad)) == std::set<std::string>{"claude.settings_malformed"});
}

TEST_CASE("tools: every tool has a name, a title and words of its own") {
    std::set<std::string_view> names;
    for (const auto& tool : setup::known_tools()) {
        CHECK(names.insert(tool.name).second);
        CHECK_FALSE(tool.title.empty());
        CHECK_FALSE(tool.words.empty());
    }
}
