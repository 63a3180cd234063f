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
#include "roles/examine.h"
#include "roles/exit_code.h"
#include "roles/verbs.h"
#include "setup/layers.h"
#include "setup/tools.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter doctor";

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
