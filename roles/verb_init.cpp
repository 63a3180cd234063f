// `init`: sets up, repairs, switches the mode, follows an upgrade; `onboard`: the same with --apps
// and friendlier words. The plan is setup/layers.h's.
#include <cstdio>
#include <iostream>
#include <string>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "platform/files.h"
#include "platform/self_test.h"
#include "roles/exit_code.h"
#include "roles/installation.h"
#include "roles/verbs.h"
#include "setup/trust_stores.h"

namespace halton::roles {
namespace {

struct Wanted {
    setup::Wish wish;
    bool is_dry_run = false;
    bool may_ask = true;
    bool is_onboarding = false;
};

bool contains_restart_of_daemon(const setup::Plan& plan) {
    for (const auto& [layer, step] : plan)
        if (layer->id.starts_with("daemon") && (std::holds_alternative<setup::RunCommand>(step) ||
                                                std::holds_alternative<setup::StopProcess>(step)))
            return true;
    return false;
}

// A live daemon is disturbed only after a yes; whoever cannot be asked has typed the command.
bool may_go_on(const setup::Facts& facts, const setup::Plan& plan, bool may_ask) {
    const bool is_live = facts.listener(facts.ports.api_port).health_status == 200;
    if (!may_ask || !facts.has_terminal || !is_live || !contains_restart_of_daemon(plan))
        return true;
    fmt::print(
        "The daemon is running and will be restarted; running calls get their time. "
        "Go on? [Y/n] ");
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    const auto word = to_lower(trim(answer));
    return word.empty() || word == "y" || word == "yes";
}

std::vector<platform::TrustedStore> changed_stores(const setup::Facts& facts) {
    std::vector<platform::TrustedStore> stores;
    for (const auto& path : setup::find_changed_stores(facts))
        if (auto text = platform::read_file(path, limits::ca_bundle_bytes_max))
            stores.push_back({path, std::move(*text)});
    return stores;
}

bool pass_self_test(Installation& installation, const setup::Facts& facts) {
    const auto ports = platform::read_ports(installation.home()).value_or(facts.ports);
    const auto results = platform::run_self_test(installation.home(), ports, changed_stores(facts));
    for (const auto& result : results) {
        if (result.is_good)
            fmt::print("{} self-test: {}\n", good_mark(), result.what);
        else
            fmt::print(stderr, "{} self-test: {}: {}\n", bad_mark(), result.what,
                       to_safe_text(result.detail, 200));
    }
    return platform::is_good(results);
}

// Everything away again. An edge that was there before stays: programs may depend on it.
void roll_back(Installation& installation, bool was_edge_up) {
    fmt::print("Rolling back: everything but data, settings and CA is removed.\n");
    const auto facts = installation.look(false);
    const setup::Wish wish{.mode = setup::Mode::none, .is_graceful = was_edge_up};
    installation.carry_out(facts, setup::plan_uninstall(facts, wish),
                           Installation::OnFailure::go_on, false);
}

void print_next_steps(const setup::Facts& facts, setup::Mode mode, bool is_onboarding) {
    fmt::print("\nhalton-meter is set up ({}).\n", setup::to_text(mode));
    if (mode == setup::Mode::env_only) {
        fmt::print("Meter a command:   halton-meter run -- <your tool>\n");
    } else {
        fmt::print(
            "New terminals are metered from now on, programs of the desktop from the next log-in.\n"
            "Open terminals and running programs keep their old environment: restart them.\n");
    }
    if (mode == setup::Mode::full)
        fmt::print("The desktop's proxy is set; if anything is odd:  halton-meter reset-proxy\n");
    fmt::print("See what it costs: halton-meter report\nIs it well:        halton-meter status\n");
    if (is_onboarding) fmt::print("To undo all of it: halton-meter uninstall\n");
    (void)facts;
}

int run_wanted(const Wanted& wanted) {
    auto installation = Installation::find();
    if (!installation) {
        return report_failure(installation.error().context, "doctor");
    }
    const auto turn = wanted.is_dry_run ? Result<std::optional<platform::FileLock>>()
                                        : installation->take_turn(true);
    if (!turn) {
        return report_failure(turn.error().context, "doctor");
    }
    auto facts = installation->look(true);
    const auto plan = setup::plan_install(facts, wanted.wish);
    if (wanted.is_dry_run) {
        if (plan.empty())
            fmt::print("Nothing to do: everything is as {} wants it.\n",
                       setup::to_text(wanted.wish.mode));
        else
            fmt::print("halton-meter init would do this ({}):\n{}",
                       setup::to_text(wanted.wish.mode), to_text(plan));
        return exit_done;
    }
    if (!may_go_on(facts, plan, wanted.may_ask)) {
        fmt::print("Nothing was changed.\n");
        return exit_failed;
    }
    const bool was_edge_up = facts.listener(facts.ports.edge_port).answers_as_edge;
    const auto first = setup::first_part(plan);
    auto done =
        installation->carry_out(facts, first, Installation::OnFailure::stop, wanted.may_ask);
    if (done.failed_count == 0) {
        facts = installation->look(false);
        const auto rest =
            setup::without_repeated_notes(setup::plan_install(facts, wanted.wish), first);
        done = installation->carry_out(facts, rest, Installation::OnFailure::stop, wanted.may_ask);
    }
    if (done.was_refused) {
        fmt::print(stderr,
                   "Without an administrator this mode cannot be set up; what was changed "
                   "is taken back.\n");
        installation->take_back();
        return exit_failed;
    }
    if (done.failed_count > 0) {
        if (wanted.wish.from_scratch)
            roll_back(*installation, was_edge_up);
        else
            fmt::print(stderr, "Not finished. Next: halton-meter doctor\n");
        return exit_failed;
    }
    facts = installation->look(false);
    if (!pass_self_test(*installation, facts)) {
        if (wanted.wish.from_scratch) {
            roll_back(*installation, was_edge_up);
            return exit_failed;
        }
        fmt::print("Repairing: every layer is set up once more.\n");
        setup::Wish again = wanted.wish;
        again.from_scratch = true;
        installation->carry_out(facts, setup::plan_install(facts, again),
                                Installation::OnFailure::go_on, wanted.may_ask);
        facts = installation->look(false);
        if (!pass_self_test(*installation, facts)) {
            fmt::print(stderr,
                       "The self-test fails. Your tools work, unmetered. Next: "
                       "halton-meter doctor\n");
            return exit_failed;
        }
    }
    print_next_steps(facts, wanted.wish.mode, wanted.is_onboarding);
    return exit_done;
}

void add_common_options(cxxopts::Options& options) {
    options.add_options()("non-interactive", "ask nothing")(
        "no-shell-rc", "leave the shells' start-up files alone (with --apps, --full)")(
        "clean", "write every file anew; if the self-test fails, take everything back")(
        "dry-run", "only print what would be done")("h,help", "print this help");
}

void read_common(const cxxopts::ParseResult& flags, Wanted& wanted) {
    wanted.may_ask = flags.count("non-interactive") == 0;
    wanted.is_dry_run = flags.count("dry-run") > 0;
    wanted.wish.with_shell_rc = flags.count("no-shell-rc") == 0;
    wanted.wish.from_scratch = flags.count("clean") > 0;
}

}  // namespace

int run_init(int argc, char** argv) {
    constexpr const char* name = "halton-meter init";
    cxxopts::Options options(
        name,
        "Sets halton-meter up for this user. Run it again to repair, to switch the mode, or "
        "after an upgrade.\nWithout --apps or --full only what you start with "
        "'halton-meter run' is metered.\n");
    options.add_options()("apps", "also new terminals and programs of the desktop")(
        "full", "also browsers and programs that ignore the environment: sets the system proxy")(
        "gui", "old name of --full");
    add_common_options(options);
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    Wanted wanted;
    const bool is_full = flags.count("full") > 0 || flags.count("gui") > 0;
    if (is_full && flags.count("apps") > 0)
        return report_usage_error(name, "--apps and --full exclude each other");
    if (flags.count("gui") > 0) fmt::print(stderr, "halton-meter: --gui is now called --full\n");
    if (is_full) wanted.wish.mode = setup::Mode::full;
    if (flags.count("apps") > 0) wanted.wish.mode = setup::Mode::apps;
    read_common(flags, wanted);
    return run_wanted(wanted);
}

int run_onboard(int argc, char** argv) {
    cxxopts::Options options("halton-meter onboard",
                             "Sets halton-meter up so that new terminals and programs of the "
                             "desktop are metered (init --apps).\n");
    add_common_options(options);
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    Wanted wanted{.wish = {.mode = setup::Mode::apps}, .is_onboarding = true};
    read_common(flags, wanted);
    fmt::print(
        "Welcome. This makes a certificate authority of your own on this machine, starts two small "
        "services,\nand tells new terminals to send their HTTPS calls through them. Calls to model "
        "providers are counted\nand priced here; nothing leaves this machine.\n\n");
    return run_wanted(wanted);
}

}  // namespace halton::roles
