#include "setup/tools.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace halton::setup {
namespace {

constexpr std::array<std::string_view, 26> watched{"HTTPS_PROXY",
                                                   "https_proxy",
                                                   "HTTP_PROXY",
                                                   "http_proxy",
                                                   "ALL_PROXY",
                                                   "all_proxy",
                                                   "NO_PROXY",
                                                   "no_proxy",
                                                   "NODE_EXTRA_CA_CERTS",
                                                   "DENO_CERT",
                                                   "SSL_CERT_FILE",
                                                   "SSL_CERT_DIR",
                                                   "REQUESTS_CA_BUNDLE",
                                                   "CURL_CA_BUNDLE",
                                                   "GIT_SSL_CAINFO",
                                                   "AWS_CA_BUNDLE",
                                                   "PIP_CERT",
                                                   "CARGO_HTTP_CAINFO",
                                                   "CODEX_CA_CERTIFICATE",
                                                   "NODE_OPTIONS",
                                                   "NODE_USE_ENV_PROXY",
                                                   "NODE_USE_SYSTEM_CA",
                                                   "CLAUDE_CODE_CERT_STORE",
                                                   "ANTHROPIC_BASE_URL",
                                                   "OPENAI_BASE_URL",
                                                   "HALTON_PROJECT"};

constexpr std::array<std::string_view, 10> ca_names{
    "NODE_EXTRA_CA_CERTS", "DENO_CERT",           "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",      "GIT_SSL_CAINFO",      "AWS_CA_BUNDLE", "PIP_CERT",
    "CARGO_HTTP_CAINFO",   "CODEX_CA_CERTIFICATE"};

// What each reads was measured or is documented; see tests/e2e/agents for the first five.
constexpr std::array<Tool, 15> tools{{
    {"claude", "Claude Code", "claude", "@anthropic-ai/claude-code",
     "NODE_EXTRA_CA_CERTS SSL_CERT_FILE"},
    {"codex", "Codex CLI", "codex", "@openai/codex", "CODEX_CA_CERTIFICATE SSL_CERT_FILE"},
    {"gemini", "Gemini CLI", "gemini", "@google/gemini-cli", "NODE_EXTRA_CA_CERTS"},
    {"opencode", "opencode", "opencode", "opencode-ai", "NODE_EXTRA_CA_CERTS SSL_CERT_FILE"},
    {"copilot", "GitHub Copilot CLI", "copilot", "@github/copilot",
     "NODE_EXTRA_CA_CERTS SSL_CERT_FILE"},
    {"aider", "aider", "aider", "/aider", "SSL_CERT_FILE"},
    {"cursor-agent", "Cursor CLI", "cursor-agent", "cursor-agent", "NODE_EXTRA_CA_CERTS"},
    {"qwen", "Qwen Code", "qwen", "@qwen-code/qwen-code", "NODE_EXTRA_CA_CERTS"},
    {"goose", "goose", "goose", "", "SSL_CERT_FILE"},
    {"crush", "Crush", "crush", "@charmland/crush", "SSL_CERT_FILE"},
    {"amp", "Amp", "amp", "@sourcegraph/amp", "NODE_EXTRA_CA_CERTS"},
    {"cursor", "Cursor", "cursor Cursor", "", "NODE_EXTRA_CA_CERTS"},
    {"code", "Visual Studio Code", "code code-insiders codium Code", "", "NODE_EXTRA_CA_CERTS"},
    {"windsurf", "Windsurf", "windsurf Windsurf", "", "NODE_EXTRA_CA_CERTS"},
    {"zed", "Zed", "zed zed-editor zeditor", "", "SSL_CERT_FILE"},
}};

constexpr std::array<std::string_view, 6> interpreters{"node",   "bun",      "deno",
                                                       "nodejs", "electron", "python"};

std::string_view name_of_file(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_one_of(std::string_view words, std::string_view word) {
    while (!words.empty()) {
        const auto end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word) return true;
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

bool is_part_of(std::string_view words, std::string_view text) {
    while (!words.empty()) {
        const auto end = std::min(words.find(' '), words.size());
        if (end > 0 && text.find(words.substr(0, end)) != std::string_view::npos) return true;
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

bool is_interpreter(std::string_view name) {
    return std::any_of(interpreters.begin(), interpreters.end(), [name](std::string_view known) {
        // python3.12 too.
        return name == known || (known == "python" && name.starts_with(known));
    });
}

std::string_view without_ending(std::string_view name) {
    for (const std::string_view ending : {".js", ".mjs", ".cjs", ".py"})
        if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
    return name;
}

std::string_view value_of(const Variables& variables, std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string_view() : trim(found->second);
}

std::string_view first_value(const Variables& variables, std::string_view name,
                             std::string_view other) {
    const auto value = value_of(variables, name);
    return value.empty() ? value_of(variables, other) : value;
}

// The port of a proxy on this machine; 0 for all others.
std::uint16_t loopback_port(std::string_view url) {
    const auto shown = to_shown_proxy(url);
    for (const std::string_view host : {"127.0.0.1:", "localhost:", "[::1]:"})
        if (shown.starts_with(host)) {
            const auto port = parse_decimal(std::string_view(shown).substr(host.size()));
            if (port && *port <= 65535) return static_cast<std::uint16_t>(*port);
        }
    return 0;
}

bool is_below(std::string_view path, std::string_view folder) {
    return !folder.empty() && path.size() > folder.size() && path.starts_with(folder) &&
           path[folder.size()] == '/';
}

struct Subject {
    const Tool* tool = nullptr;  // null: a shell
    std::string restart;         // what to type instead
    bool is_counted = true;      // a fault of this installation, not a remark
};

Finding make(const Subject& subject, Health health, std::string code, std::string detail,
             std::string action) {
    // A remark: said, and counted for nothing.
    if (!subject.is_counted) health = Health::off;
    return {health, std::move(code), std::move(detail), std::move(action)};
}

std::vector<Finding> judge(const Variables& variables, const Subject& subject,
                           const ToolWorld& world) {
    std::vector<Finding> findings;
    const auto add = [&](Health health, const char* code, std::string detail,
                         std::string action = {}) {
        findings.push_back(make(subject, health, code, std::move(detail),
                                action.empty() ? subject.restart : std::move(action)));
    };
    const bool is_shell = subject.tool == nullptr;
    const auto proxy = first_value(variables, "HTTPS_PROXY", "https_proxy");
    const auto port = loopback_port(proxy);
    const bool is_ours = port != 0 && port == world.edge_port;
    if (proxy.empty()) {
        if (world.mode >= Mode::apps)
            add(Health::odd, "env.not_metered", "HTTPS_PROXY is not set: its calls are not metered",
                is_shell ? "exec $SHELL -l" : std::string());
        else if (!is_shell)
            findings.push_back({Health::off, "env.not_metered",
                                "not started with: halton-meter run", subject.restart});
    } else if (!is_ours && port != 0) {
        const bool is_alive = world.is_listening(port);
        add(is_alive ? Health::odd : Health::broken, is_alive ? "env.other_port" : "env.dead_port",
            fmt::format("HTTPS_PROXY leads to port {}, {}; the edge has port {}", port,
                        is_alive ? "which is not ours" : "where nobody listens", world.edge_port),
            is_shell ? "unset HTTPS_PROXY https_proxy" : std::string());
    } else if (!is_ours) {
        add(Health::odd, "env.foreign_proxy",
            fmt::format("HTTPS_PROXY leads to {}: its calls are not metered",
                        to_shown_proxy(proxy)));
    }
    for (const auto name : ca_names) {
        const auto file = value_of(variables, name);
        if (file.empty() || file.front() != '/' || world.is_file(std::string(file))) continue;
        findings.push_back(
            make({subject.tool, subject.restart,
                  subject.is_counted || is_below(file, world.data_folder)},
                 Health::broken, "env.ca_file_gone",
                 fmt::format("{} names {}, which is not there", name, to_safe_text(file, 160)),
                 is_shell ? fmt::format("unset {}", name) : subject.restart));
    }
    if (is_ours && !is_shell && !subject.tool->ca_names.empty()) {
        const bool has_any =
            std::any_of(ca_names.begin(), ca_names.end(), [&](std::string_view name) {
                return is_one_of(subject.tool->ca_names, name) &&
                       !value_of(variables, name).empty();
            });
        if (!has_any)
            add(Health::odd, "env.no_ca",
                fmt::format("none of its CA variables is set ({}): it will refuse our certificate",
                            subject.tool->ca_names));
    }
    if (!first_value(variables, "ALL_PROXY", "all_proxy").empty())
        add(Health::odd, "env.all_proxy",
            fmt::format("ALL_PROXY leads to {}: some tools then send https:// requests in clear, "
                        "others go past us",
                        to_shown_proxy(first_value(variables, "ALL_PROXY", "all_proxy"))),
            is_shell ? "unset ALL_PROXY all_proxy" : std::string());
    const auto bypassed = find_bypassed_hosts(variables, world.hosts);
    if (!bypassed.empty())
        add(Health::odd, "env.no_proxy_covers",
            fmt::format(
                "NO_PROXY covers {}{}: those calls are not metered", bypassed.front(),
                bypassed.size() > 1 ? fmt::format(" and {} more hosts", bypassed.size() - 1) : ""),
            is_shell ? "unset NO_PROXY no_proxy" : std::string());
    if (value_of(variables, "NODE_OPTIONS").find("--use-system-ca") != std::string_view::npos)
        add(Health::odd, "env.system_ca",
            "NODE_OPTIONS has --use-system-ca, which replaces the roots of NODE_EXTRA_CA_CERTS",
            is_shell ? "unset NODE_OPTIONS" : std::string());
    if (const auto store = value_of(variables, "CLAUDE_CODE_CERT_STORE");
        store == "bundled" && value_of(variables, "NODE_EXTRA_CA_CERTS").empty() && is_ours)
        add(Health::odd, "env.system_ca",
            "CLAUDE_CODE_CERT_STORE=bundled leaves out the system's store",
            is_shell ? "unset CLAUDE_CODE_CERT_STORE" : std::string());
    for (const std::string_view name : {"ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"}) {
        const auto url = value_of(variables, name);
        if (url.empty()) continue;
        const auto host = to_lower(to_shown_proxy(url));
        const auto bare = host.substr(0, host.rfind(':'));
        if (std::find(world.hosts.begin(), world.hosts.end(), bare) != world.hosts.end() ||
            std::find(world.hosts.begin(), world.hosts.end(), host) != world.hosts.end())
            continue;
        findings.push_back({Health::off, "env.base_url",
                            fmt::format("{} leads to {}, which is not metered", name, host),
                            is_shell ? fmt::format("unset {}", name) : subject.restart});
    }
    return findings;
}

bool is_same(const std::vector<Finding>& a, const std::vector<Finding>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Finding& x, const Finding& y) {
                          return x.code == y.code && x.health == y.health && x.detail == y.detail;
                      });
}

}  // namespace

std::span<const std::string_view> watched_variables() { return watched; }

std::span<const Tool> known_tools() { return tools; }

const Tool* find_tool(const ProcessFact& process) {
    const auto& arguments = process.arguments;
    // Desktop programs consist of a dozen processes; the first one's environment is all of theirs.
    if (std::any_of(arguments.begin(), arguments.end(),
                    [](const std::string& word) { return word.starts_with("--type="); }))
        return nullptr;
    const auto program = name_of_file(process.executable);
    std::string_view script;
    if (is_interpreter(program))
        for (std::size_t i = 1; i < arguments.size() && script.empty(); ++i)
            if (!arguments[i].empty() && arguments[i].front() != '-') script = arguments[i];
    const auto called = arguments.empty() ? std::string_view() : name_of_file(arguments.front());
    for (const Tool& tool : tools) {
        if (is_one_of(tool.words, program) || is_one_of(tool.words, called)) return &tool;
        if (script.empty()) continue;
        if (is_one_of(tool.words, without_ending(name_of_file(script))) ||
            is_part_of(tool.packages, script))
            return &tool;
    }
    return nullptr;
}

std::vector<ToolReport> judge_tools(const std::vector<ProcessFact>& processes,
                                    const ToolWorld& world) {
    std::vector<ToolReport> reports;
    for (const auto& process : processes) {
        const Tool* tool = find_tool(process);
        if (!tool) continue;
        const auto port =
            loopback_port(first_value(process.variables, "HTTPS_PROXY", "https_proxy"));
        // Who was never meant to come through us has no fault of ours.
        const bool is_counted = world.mode >= Mode::apps || (port != 0 && port == world.edge_port);
        ToolReport report{std::string(tool->name), std::string(tool->title), process.pid, 0, {}};
        report.findings =
            judge(process.variables,
                  {tool, fmt::format("halton-meter run -- {}", tool->name), is_counted}, world);
        const auto same =
            std::find_if(reports.begin(), reports.end(), [&](const ToolReport& other) {
                return other.name == report.name && is_same(other.findings, report.findings);
            });
        if (same == reports.end())
            reports.push_back(std::move(report));
        else
            ++same->more_count;
    }
    return reports;
}

ToolReport judge_shell(const Variables& variables, const ToolWorld& world) {
    ToolReport report{"this shell", "this shell", 0, 0, {}};
    report.findings = judge(variables, {nullptr, "halton-meter run -- COMMAND", true}, world);
    // A corporate proxy is nothing wrong: it belongs into the config, where it is asked for.
    for (auto& finding : report.findings)
        if (finding.code == "env.foreign_proxy" && world.mode < Mode::apps)
            finding.health = Health::off;
    return report;
}

std::vector<Finding> judge_claude_settings(std::string_view path, std::string_view text,
                                           const ToolWorld& world) {
    const auto shown = to_safe_text(path, 160);
    const auto open = fmt::format("${{EDITOR:-vi}} {}", quote_for_shell(shown));
    JsonParser parser;
    const auto json = parser.parse(text);
    if (!json || !json->is_object())
        return {{Health::off, "claude.settings_malformed",
                 fmt::format("{} is not a JSON object: Claude Code leaves it out", shown), open}};
    Variables block;
    const JsonView all = *json;
    all["env"].for_each_member([&](std::string_view name, JsonView value) {
        if (std::find(watched.begin(), watched.end(), name) == watched.end()) return;
        if (const auto word = value.as_string()) block.emplace(name, *word);
    });
    std::vector<Finding> findings;
    const auto add = [&](Health health, const char* code, std::string detail) {
        findings.push_back({health, code, fmt::format("{}: {}", shown, detail), open});
    };
    const auto proxy = first_value(block, "HTTPS_PROXY", "https_proxy");
    if (!proxy.empty() && loopback_port(proxy) != world.edge_port)
        add(Health::odd, "claude.proxy",
            fmt::format("its env block sends Claude Code to {}, past us", to_shown_proxy(proxy)));
    if (const auto url = value_of(block, "ANTHROPIC_BASE_URL"); !url.empty()) {
        const auto host = to_lower(to_shown_proxy(url));
        if (std::find(world.hosts.begin(), world.hosts.end(), host.substr(0, host.rfind(':'))) ==
            world.hosts.end())
            add(Health::off, "claude.base_url",
                fmt::format("ANTHROPIC_BASE_URL leads to {}, which is not metered", host));
    }
    for (const auto name : ca_names) {
        const auto file = value_of(block, name);
        if (file.empty()) continue;
        if (file.front() == '/' && !world.is_file(std::string(file)))
            add(Health::broken, "claude.ca_file_gone",
                fmt::format("{} names {}, which is not there", name, to_safe_text(file, 160)));
        else if (!is_below(file, world.data_folder))
            add(Health::odd, "claude.ca",
                fmt::format("{} in its env block replaces ours: our certificate may be refused",
                            name));
    }
    if (!first_value(block, "ALL_PROXY", "all_proxy").empty())
        add(Health::odd, "claude.all_proxy", "ALL_PROXY sends calls past us, partly in clear");
    if (!find_bypassed_hosts(block, world.hosts).empty())
        add(Health::odd, "claude.no_proxy",
            fmt::format("NO_PROXY covers {}: those calls are not metered",
                        find_bypassed_hosts(block, world.hosts).front()));
    if (value_of(block, "NODE_OPTIONS").find("--use-system-ca") != std::string_view::npos)
        add(Health::odd, "claude.system_ca",
            "NODE_OPTIONS has --use-system-ca, which replaces the roots of NODE_EXTRA_CA_CERTS");
    return findings;
}

}  // namespace halton::setup
