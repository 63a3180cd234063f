#include "meter/client_signals.h"

#include <initializer_list>
#include <utility>

#include "support/catch.h"

using namespace halton;
using meter::ClientSignals;

namespace {

using Fields = std::initializer_list<std::pair<const char*, std::string>>;

ClientSignals read(Fields fields, std::string_view program = {}) {
    http::HeaderList headers;
    for (const auto& [name, value] : fields) headers.add(name, value);
    return meter::read_client_signals(headers, program);
}

void check_tool(const std::string& agent, const char* program, const char* tool,
                const char* version) {
    INFO(agent);
    const auto signals = read({{"user-agent", agent}}, program);
    CHECK(signals.tool == tool);
    CHECK(signals.version == version);
}

}  // namespace

TEST_CASE("client signals: tools and versions by their user agents") {
    check_tool("claude-cli/2.1.90 (external, cli)", "node", "claude-code", "2.1.90");
    check_tool("codex_cli_rs/0.144.0 (Debian 12; x86_64) xterm", "codex", "codex", "0.144.0");
    check_tool("codex_exec/0.144.0", "", "codex", "0.144.0");
    check_tool("opencode/1.2.3 ai-sdk/provider-utils/3.0.9 runtime/bun/1.3.0", "opencode",
               "opencode", "1.2.3");
    check_tool("GeminiCLI/0.8.1/gemini-2.5-pro (linux; x64)", "node", "gemini-cli", "0.8.1");
    check_tool("GeminiCLI-headless/0.9.0/gemini-2.5-pro (linux; x64)", "node", "gemini-cli",
               "0.9.0");
    check_tool("GitHubCopilotChat/0.30.1", "code", "copilot", "0.30.1");
    check_tool("curl/8.5.0", "curl", "curl", "8.5.0");
    check_tool("my-agent/v3.1 (test)", "python3.11", "my-agent", "v3.1");
}

TEST_CASE("client signals: a library yields to the program that uses it") {
    check_tool("OpenAI/Python 1.109.1", "aider", "aider", "");
    check_tool("OpenAI/Python 1.109.1", "python3.11", "openai-sdk", "1.109.1");
    check_tool("Anthropic/JS 0.60.0", "node", "anthropic-sdk", "0.60.0");
    check_tool("Bun/1.3.0", "claude", "claude-code", "");
    check_tool("python-httpx/0.28.1", "", "python-httpx", "0.28.1");
    check_tool("Go-http-client/2.0", "goose", "goose", "");
    CHECK(read({}, "codex").tool == "codex");
    CHECK(read({}, "my_tool").tool == "my_tool");
    CHECK(read({}, "python3.11").tool == "python");
    CHECK(read({}, "thing.exe").tool == "thing");
    CHECK(read({}).tool.empty());
}

TEST_CASE("client signals: sessions, threads and sub-agents of each agent's headers") {
    auto claude = read({{"X-Claude-Code-Session-Id", "6f9a1c1e-0000-4000-8000-000000000001"},
                        {"X-Claude-Code-Agent-Id", "a1b2c3d4"},
                        {"User-Agent", "claude-cli/2.1.90 (external, cli)"}});
    CHECK(claude.session_id == "6f9a1c1e-0000-4000-8000-000000000001");
    CHECK(claude.agent_name == "a1b2c3d4");

    auto codex = read({{"session-id", "s-1"},
                       {"thread-id", "t-1"},
                       {"x-openai-subagent", "review"},
                       {"x-codex-turn-metadata", R"({"session_id":"other","turn_id":"turn-7"})"}});
    CHECK(codex.session_id == "s-1");
    CHECK(codex.thread_id == "t-1");
    CHECK(codex.turn_id == "turn-7");
    CHECK(codex.agent_name == "review");

    codex =
        read({{"x-codex-turn-metadata", R"({"session_id":"s-2","thread_id":"t-2","turn_id":"u-2",)"
                                        R"("subagent_kind":"thread_spawn","sandbox":"none"})"}});
    CHECK(codex.session_id == "s-2");
    CHECK(codex.thread_id == "t-2");
    CHECK(codex.agent_name == "thread_spawn");

    CHECK(read({{"x-session-id", "ses_abc"}, {"x-session-affinity", "other"}}).session_id ==
          "ses_abc");
    CHECK(read({{"x-session-affinity", "ses_abc"}}).session_id == "ses_abc");
}

TEST_CASE("client signals: hostile values count as not said") {
    for (const std::string& bad :
         {std::string(), std::string("<script>alert(1)</script>"), std::string("a b"),
          std::string("\x1b[31mred"), std::string("a\nb"), std::string("=cmd|'/c calc'!A1"),
          std::string(5000, 'x'), std::string("\xff\xfe")}) {
        INFO(bad.substr(0, 40));
        const auto signals = read({{"session-id", bad},
                                   {"thread-id", bad},
                                   {"x-openai-subagent", bad},
                                   {"x-codex-turn-metadata", bad}});
        CHECK(signals.session_id.empty());
        CHECK(signals.thread_id.empty());
        CHECK(signals.turn_id.empty());
        CHECK(signals.agent_name.empty());
    }
    CHECK(read({{"user-agent", "<script>alert(1)</script>"}}).tool.empty());
    CHECK(read({{"user-agent", "tool/<script>"}}).version.empty());
    CHECK(read({{"user-agent", std::string(100'000, 'x')}}).tool.empty());
    CHECK(read({{"user-agent", "/1.0"}}, "<b>").tool.empty());
    CHECK(read({{"x-codex-turn-metadata",
                 R"({"session_id":7,"turn_id":["x"],"thread_id":null})"}}) == ClientSignals{});
    CHECK(read({{"x-codex-turn-metadata", "[1,2"}}) == ClientSignals{});
    CHECK(read({{"x-codex-turn-metadata", R"({"turn_id":")" + std::string(300, 'x') + "\"}"}}) ==
          ClientSignals{});
}

TEST_CASE("client signals: nothing else of a head is looked at") {
    const auto signals = read({{"authorization", "Bearer secret-1"},
                               {"cookie", "session-id=secret"},
                               {"x-api-key", "secret-2"}});
    CHECK(signals == ClientSignals{});
}

TEST_CASE("client signals: what tools say in the body instead of the head") {
    using meter::BodySignals;
    const auto add = [](BodySignals form, std::string_view json, ClientSignals signals = {}) {
        meter::add_body_signals(form, json, signals);
        return signals;
    };
    // Claude Code, newer and older; who the user is stays out.
    const auto newer = add(BodySignals::user_id,
                           R"("{\"device_id\":\"dev\",\"account_uuid\":\"acc\",)"
                           R"(\"session_id\":\"6f9a1c1e-0001\"}")");
    CHECK(newer.session_id == "6f9a1c1e-0001");
    CHECK(newer == ClientSignals{"", "", "6f9a1c1e-0001", "", "", ""});
    CHECK(add(BodySignals::user_id, R"("user_0a1b_account_cc-dd_session_ee-ff")") ==
          ClientSignals{"", "", "ee-ff", "", "", ""});
    for (const char* other : {R"("ann@example.invalid")", R"("_session_a b")", R"("_session_")", "5",
                              "null", R"({"session_id":"x"})", R"("{\"session_id\":5}")",
                              R"("{broken")", "", "\"open"})
        CHECK(add(BodySignals::user_id, other) == ClientSignals{});
    CHECK(add(BodySignals::user_id, '"' + std::string(5'000, 'x') + "_session_a\"") ==
          ClientSignals{});
    // Codex.
    CHECK(add(BodySignals::client_metadata,
              R"({"x-codex-turn-metadata":"{\"session_id\":\"s\",\"thread_id\":\"t\",)"
              R"(\"turn_id\":\"u\",\"agent_nickname\":\"reviewer\"}"})") ==
          ClientSignals{"", "", "s", "t", "u", "reviewer"});
    CHECK(add(BodySignals::client_metadata, R"({"session_id":"s","turn_id":"u"})",
              {"codex", "1", "known", "", "", ""}) ==
          ClientSignals{"codex", "1", "known", "", "u", ""});
    CHECK(add(BodySignals::client_metadata, "[1]") == ClientSignals{});
    CHECK(add(BodySignals::none, R"({"session_id":"s"})") == ClientSignals{});
    CHECK(meter::body_signals_of({"claude-code", "", "", "", "", ""}) == BodySignals::user_id);
    CHECK(meter::body_signals_of({"claude-code", "", "s", "", "", ""}) == BodySignals::none);
    CHECK(meter::body_signals_of({"codex", "", "s", "", "", ""}) == BodySignals::client_metadata);
    CHECK(meter::body_signals_of({"curl", "", "", "", "", ""}) == BodySignals::none);
}
