#include "roles/examine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/version.h"
#include "platform/files.h"
#include "platform/gather.h"
#include "platform/loopback_http.h"
#include "platform/processes.h"
#include "roles/observe.h"
#include "setup/tools.h"

namespace halton::roles {
namespace {

setup::ToolWorld make_world(const setup::Facts& facts, const Look& look) {
    return {.edge_port = facts.ports.edge_port,
            .data_folder = facts.folders.data,
            .mode = facts.recorded_mode(),
            .hosts = look.hosts,
            .is_file = [](const std::string& path) { return platform::is_regular_file(path); },
            .is_listening =
                [](std::uint16_t port) { return platform::is_listening(port, Limits{}.probe); }};
}

// Claude Code's settings of the user and of the folder we are in, as far as there are any.
std::vector<setup::ToolReport> look_at_settings(const setup::Facts& facts,
                                                const setup::ToolWorld& world) {
    std::vector<std::string> paths{facts.folders.user_home + "/.claude/settings.json"};
    if (const auto moved = facts.environment.find("CLAUDE_CONFIG_DIR");
        moved != facts.environment.end() && moved->second.starts_with('/'))
        paths.push_back(moved->second + "/settings.json");
    if (const auto folder = facts.environment.find("PWD");
        folder != facts.environment.end() && folder->second.starts_with('/'))
        for (const char* name : {"/.claude/settings.json", "/.claude/settings.local.json"})
            paths.push_back(folder->second + name);
    std::vector<setup::ToolReport> reports;
    std::vector<std::string> seen;
    for (const auto& path : paths) {
        if (std::find(seen.begin(), seen.end(), path) != seen.end()) continue;
        seen.push_back(path);
        const auto text = platform::read_file(path, limits::tool_settings_bytes_max);
        if (!text) continue;
        auto findings = setup::judge_claude_settings(path, *text, world);
        if (findings.empty()) continue;
        reports.push_back({fmt::format("claude-settings-{}", seen.size()), "Claude Code's settings",
                           0, 0, std::move(findings)});
    }
    return reports;
}

}  // namespace

std::string_view to_text(setup::System system) {
    return system == setup::System::macos ? "macos" : "linux";
}

Examined examine(const platform::Home& home, platform::CommandRunner& runner, Viewpoint from) {
    Examined examined;
    auto look = look_around(home, true);
    auto& facts = examined.facts;
    facts = platform::make_facts(home, look.config);
    platform::gather(facts, runner);
    look.observed.mode = facts.recorded_mode();

    std::vector<setup::DiagnosisRow> rows;
    for (auto& judged : setup::judge_all(facts))
        rows.push_back({std::string(judged.layer->id),
                        std::string(judged.layer->title),
                        std::string(judged.layer->depends_on),
                        std::move(judged.finding),
                        {}});
    for (auto& row : setup::judge_running(look.observed)) rows.push_back(std::move(row));

    const auto world = make_world(facts, look);
    auto& report = examined.report;
    report.tools = setup::judge_tools(
        platform::list_own_processes(
            [](const setup::ProcessFact& process) { return setup::find_tool(process) != nullptr; },
            setup::watched_variables()),
        world);
    if (from == Viewpoint::shell)
        report.tools.push_back(setup::judge_shell(facts.environment, world));
    for (auto& settings : look_at_settings(facts, world))
        report.tools.push_back(std::move(settings));
    for (auto& row : to_tool_rows(report.tools)) rows.push_back(std::move(row));

    report.version = version();
    report.platform = to_text(facts.system);
    report.mode = setup::to_text(facts.recorded_mode());
    report.diagnosis = setup::diagnose(std::move(rows));
    report.warnings = std::move(look.warnings);
    return examined;
}

}  // namespace halton::roles
