// `uninstall` and `rescue`: everything away; and everything away and set up again.
#include <cstdio>
#include <iostream>
#include <string>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/text.h"
#include "platform/apply.h"
#include "platform/home.h"
#include "platform/process.h"
#include "roles/exit_code.h"
#include "roles/installation.h"
#include "roles/verbs.h"
#include "setup/purge.h"

namespace halton::roles {
namespace {

int report_failure(const Error& error) {
    return roles::report_failure(error.context, "doctor");
}

bool is_confirmed() {
    fmt::print("This deletes the record of all your calls. Type 'yes' to go on: ");
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    return trim(answer) == "yes";
}

}  // namespace

int run_uninstall(int argc, char** argv) {
    constexpr const char* name = "halton-meter uninstall";
    cxxopts::Options options(
        name, "Removes services, environment and system settings. Data, settings and CA stay.\n");
    options.add_options()("graceful",
                          "leave the edge running until the next boot, so that programs which go "
                          "through it keep working")(
        "purge", "also delete the data folder, except the record of your calls")(
        "include-logs", "with --purge: delete that record as well")(
        "yes", "with --include-logs: do not ask")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const bool is_purge = flags.count("purge") > 0;
    const bool takes_record = flags.count("include-logs") > 0;
    const bool is_graceful = flags.count("graceful") > 0;
    if (takes_record && !is_purge)
        return report_usage_error(name, "--include-logs means something only with --purge");
    auto installation = Installation::find();
    if (!installation) return report_failure(installation.error());
    if (takes_record && flags.count("yes") == 0 && !is_confirmed()) {
        fmt::print("Nothing was changed.\n");
        return exit_failed;
    }
    const auto turn = installation->take_turn(false);
    if (!turn) return report_failure(turn.error());
    const auto facts = installation->look(false);
    const setup::Wish wish{.mode = setup::Mode::none, .is_graceful = is_graceful};
    const bool was_edge_up = facts.listener(facts.ports.edge_port).answers_as_edge;
    auto plan = setup::plan_uninstall(facts, wish);
    const bool had_nothing = plan.empty();
    if (is_purge)
        for (auto& step : setup::plan_purge(facts, is_graceful, takes_record))
            plan.push_back({setup::find_layer("data-folder"), std::move(step)});
    const auto done = installation->carry_out(facts, plan, Installation::OnFailure::go_on, true);
    if (had_nothing && !is_purge) fmt::print("Nothing was installed.\n");
    if (was_edge_up && !is_graceful)
        fmt::print(
            "Programs that were started with the proxy variable find nobody there now: restart "
            "them.\n(Next time 'uninstall --graceful' leaves the edge to them until the next "
            "boot.)\n");
    if (was_edge_up && is_graceful)
        fmt::print("The edge goes on until the next boot; programs that use it keep working.\n");
    if (!is_purge)
        fmt::print("Kept: {} (to delete it: halton-meter uninstall --purge)\n", facts.folders.data);
    if (done.failed_count > 0) {
        fmt::print(stderr, "halton-meter: {} step{} failed; see above\n", done.failed_count,
                   done.failed_count == 1 ? "" : "s");
        return exit_failed;
    }
    return exit_done;
}

int run_rescue(int argc, char** argv) {
    constexpr const char* name = "halton-meter rescue";
    cxxopts::Options options(
        name,
        "Rebuilds the installation from nothing, in the recorded mode. Data, settings, CA and "
        "its trust stay.\n");
    options.add_options()("apps", "in this mode instead")("full", "in this mode instead")(
        "no-apps", "only for 'halton-meter run'")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    if (flags.count("apps") + flags.count("full") + flags.count("no-apps") > 1)
        return report_usage_error(name, "--apps, --full and --no-apps exclude each other");
    auto installation = Installation::find();
    if (!installation) return report_failure(installation.error());
    auto turn = installation->take_turn(false);
    if (!turn) return report_failure(turn.error());
    const auto facts = installation->look(false);
    if (!setup::is_installed(facts)) {
        fmt::print(stderr, "halton-meter: nothing is installed here. Type: halton-meter init\n");
        return exit_failed;
    }
    auto mode = facts.recorded_mode();
    if (mode == setup::Mode::none) mode = setup::Mode::env_only;
    if (flags.count("apps") > 0) mode = setup::Mode::apps;
    if (flags.count("full") > 0) mode = setup::Mode::full;
    if (flags.count("no-apps") > 0) mode = setup::Mode::env_only;

    auto plan = setup::plan_uninstall(facts, {.mode = setup::Mode::none});
    // Roles that nobody's entry knows any more, by the pids that they wrote down themselves.
    const auto recorded = platform::read_ports(installation->home()).value_or(facts.ports);
    const auto* layer = setup::find_layer("ports");
    if (platform::is_own_role(recorded.daemon_pid, facts.folders.program))
        plan.push_back({layer, setup::StopProcess{recorded.daemon_pid, "daemon"}});
    if (platform::is_own_role(recorded.edge_pid, facts.folders.program))
        plan.push_back({layer, setup::StopProcess{recorded.edge_pid, "edge"}});
    installation->carry_out(facts, plan, Installation::OnFailure::go_on, true);

    turn->reset();  // init takes its own
    std::string program = "init";
    std::string clean = "--clean";
    std::string quiet = "--non-interactive";
    std::string wanted = mode == setup::Mode::full ? "--full" : "--apps";
    std::vector<char*> arguments{program.data(), clean.data(), quiet.data()};
    if (mode != setup::Mode::env_only) arguments.push_back(wanted.data());
    std::string no_rc = "--no-shell-rc";
    // As it was chosen at the last init.
    const auto& note = facts.file(facts.folders.in_data("no-shell-rc"));
    if (note.state == setup::FileFact::State::present) arguments.push_back(no_rc.data());
    arguments.push_back(nullptr);
    return run_init(static_cast<int>(arguments.size()) - 1, arguments.data());
}

}  // namespace halton::roles
