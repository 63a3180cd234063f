// `whoami`: to which project the calls of a process are booked, and what each tier says of it.
// Asks the same questions as the daemon; needs none of the other parts running.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "meter/project_registry.h"
#include "platform/client_process.h"
#include "platform/home.h"
#include "platform/process.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/verbs.h"
#include "roles/whoami_text.h"
#include "store/projects.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter whoami";
constexpr int pid_max = 1 << 30;

}  // namespace

int run_whoami(int argc, char** argv) {
    cxxopts::Options options(
        verb_name,
        "Explains which project the calls of a process are booked to, tier by tier; the first\n"
        "answer wins. Without PID: of a tool that is started here.\n");
    options.add_options()("pid", "the process", cxxopts::value<std::string>(), "PID")(
        "json", "as one JSON object")("h,help", "print this help");
    options.parse_positional({"pid"});
    options.positional_help("[PID]");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    WhoamiView view;
    view.pid = platform::own_pid();
    if (flags.count("pid") > 0) {
        const auto number = parse_decimal(flags["pid"].as<std::string>());
        if (!number || *number == 0 || *number > pid_max)
            return report_usage_error(verb_name, "PID is the number of a process");
        view.pid = static_cast<int>(*number);
    }
    platform::ClientProcesses processes;
    view.process = processes.read(view.pid, platform::ClientProcesses::Wanted::all);
    if (view.process) {
        const auto home = platform::find_home();
        if (!home) {
            return report_failure(home.error().context, "doctor");
        }
        const auto parsed = platform::read_config(*home);
        const auto& fallback = parsed.config.default_project;
        meter::ProjectRegistry registry;
        const auto folders =
            store::read_project_folders(home->database_file(), limits::project_registry_count_max);
        if (folders)
            for (const auto& [slug, folder] : *folders) registry.note(slug, folder);
        view.answers = meter::explain(*view.process, fallback, &registry);
        view.attribution = meter::attribute(*view.process, fallback, &registry);
        view.current_slug =
            store::find_current_slug(home->database_file(), view.attribution.project_slug);
    }
    fmt::print("{}", flags.count("json") > 0 ? to_whoami_json(view)
                                             : to_whoami_text(view, platform::terminal_columns()));
    return view.process ? exit_done : exit_failed;
}

}  // namespace halton::roles
