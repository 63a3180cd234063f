// `doctor`: what is wrong, the root cause first, and one command for each. Looks only; `--fix`
// shows what it would do, `--fix --apply` does it and looks again. Works with everything down.
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "base/version.h"
#include "platform/apply.h"
#include "platform/environment.h"
#include "platform/files.h"
#include "platform/gather.h"
#include "platform/loopback_http.h"
#include "platform/processes.h"
#include "platform/terminal.h"
#include "roles/doctor_text.h"
#include "roles/exit_code.h"
#include "roles/observe.h"
#include "roles/verbs.h"
#include "setup/layers.h"
#include "setup/tools.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter doctor";

std::string_view to_text(setup::System system) {
    return system == setup::System::macos ? "macos" : "linux";
}

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

struct Examined {
    setup::Facts facts;
    DoctorReport report;
};

Examined examine(const platform::Home& home, platform::CommandRunner& runner) {
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

// Without any place for a data folder there is one thing to say.
DoctorReport report_no_home(const std::string& why) {
    DoctorReport report;
    report.version = version();
    report.platform = to_text(platform::make_facts({}, {}).system);
    report.mode = "none";
    report.diagnosis =
        setup::diagnose({{"data-folder",
                          "data folder",
                          "",
                          {setup::Health::broken, "data.no_home", why, "export HOME=/home/you"},
                          {}}});
    return report;
}

void print(const DoctorReport& report, bool is_json) {
    if (is_json)
        fmt::print("{}", to_doctor_json(report));
    else
        fmt::print("{}",
                   to_doctor_text(report, {platform::wants_colour(), platform::speaks_utf8()}));
}

// What runs is repaired by the layer that starts it, on this system.
std::string_view layer_of(std::string_view row, setup::System system) {
    const bool is_linux = system == setup::System::linux;
    if (row == "edge") return is_linux ? "edge-unit" : "edge-agent";
    if (row == "daemon" || row == "intercept" || row == "api" || row == "chain")
        return is_linux ? "daemon-unit" : "daemon-agent";
    return row == "leaf" ? "bundle" : row;
}

// The repair of every root cause that a layer can repair, in the order of the table.
setup::Plan plan_fix(const Examined& examined) {
    setup::Plan plan;
    const setup::Wish wish{.mode = examined.facts.recorded_mode()};
    std::vector<std::string_view> wanted;
    for (const auto& row : examined.report.diagnosis.rows)
        if (setup::is_fault(row.finding)) wanted.push_back(layer_of(row.id, examined.facts.system));
    for (const auto* layer : setup::applicable(examined.facts.system)) {
        if (std::find(wanted.begin(), wanted.end(), layer->id) == wanted.end()) continue;
        for (auto& step : setup::plan_repair(examined.facts, wish, *layer))
            plan.push_back(std::move(step));
    }
    return plan;
}

// Faults that no step of the plan touches: their command is left to the user.
void print_by_hand(const Examined& examined, const setup::Plan& plan) {
    for (const auto* row : setup::in_telling_order(examined.report.diagnosis)) {
        if (!setup::is_fault(row->finding) || !row->caused_by.empty()) continue;
        const auto id = layer_of(row->id, examined.facts.system);
        if (std::any_of(plan.begin(), plan.end(),
                        [id](const setup::PlannedStep& step) { return step.layer->id == id; }))
            continue;
        fmt::print("  by hand: {}   # {}\n", to_safe_text(row->finding.action, 300),
                   to_safe_text(row->finding.detail, 200));
    }
}

// Carries the plan out. False: a step failed; the ones after it are left alone.
bool apply_plan(const setup::Plan& plan, const Examined& examined, const platform::Home& home,
                platform::CommandRunner& runner) {
    platform::Applier applier(runner, home,
                              {.may_ask = examined.facts.has_terminal,
                               .folders = examined.facts.folders,
                               .uid = examined.facts.uid});
    for (const auto& [layer, step] : plan) {
        const auto done = applier.apply(step);
        const bool has_failed = done.outcome == platform::StepReport::Outcome::failed;
        fmt::print(stderr, "  {} {}{}\n", has_failed ? "FAILED" : "done  ", setup::describe(step),
                   done.detail.empty() ? "" : ": " + to_safe_text(done.detail, 300));
        if (has_failed) return false;
    }
    return true;
}

}  // namespace

int run_doctor(int argc, char** argv) {
    cxxopts::Options options(
        verb_name,
        "Looks at every layer and says what is wrong, the root cause first, with one command for "
        "each.\nExit code: 0 HEALTHY, 1 INCONSISTENT (tools work, something is not as recorded), "
        "2 BROKEN (calls\nfail, or would); with --fix --apply that of the second look.\n");
    options.add_options()("json", "as one JSON object")("fix", "show what would repair it")(
        "apply", "with --fix: do it, and look again")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const bool is_json = flags.count("json") > 0;
    const bool is_fix = flags.count("fix") > 0;
    const bool is_applied = flags.count("apply") > 0;
    if (is_applied && !is_fix) return report_usage_error(verb_name, "--apply goes with --fix");

    const auto home = platform::find_home();
    if (!home) {
        const auto report = report_no_home(home.error().context);
        print(report, is_json);
        return setup::to_exit_code(report.diagnosis.verdict);
    }
    platform::SystemCommandRunner runner;
    auto examined = examine(*home, runner);
    if (!is_fix) {
        print(examined.report, is_json);
        return setup::to_exit_code(examined.report.diagnosis.verdict);
    }
    // Repairing is bringing back what was installed; installing is a wish of its own.
    if (examined.facts.recorded_mode() == setup::Mode::none) {
        print(examined.report, is_json);
        fmt::print(stderr,
                   "\nNothing is installed that could be repaired. Type: halton-meter init\n");
        return setup::to_exit_code(examined.report.diagnosis.verdict);
    }
    const auto plan = plan_fix(examined);
    if (!is_applied) {
        print(examined.report, is_json);
        // Beside JSON the plan goes where people look and programs do not.
        auto* out = is_json ? stderr : stdout;
        fmt::print(out, "\n{}\n",
                   plan.empty() ? "There is nothing that I can repair by myself."
                                : "To repair it (halton-meter doctor --fix --apply):");
        for (const auto& [layer, step] : plan)
            fmt::print(out, "  {}: {}\n", layer->id, setup::describe(step));
        if (!is_json) print_by_hand(examined, plan);
        return setup::to_exit_code(examined.report.diagnosis.verdict);
    }
    const bool is_done = apply_plan(plan, examined, *home, runner);
    examined = examine(*home, runner);
    print(examined.report, is_json);
    const int code = setup::to_exit_code(examined.report.diagnosis.verdict);
    return is_done ? code : std::max<int>(code, exit_failed);
}

}  // namespace halton::roles
