#include "roles/installation.h"

#include <cstdio>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/log.h"
#include "platform/gather.h"
#include "platform/terminal.h"
#include "setup/keychain_commands.h"

namespace halton::roles {

Result<Installation> Installation::find() {
    auto home = platform::find_home();
    if (!home) return fail(home.error());
    return Installation(std::move(*home));
}

Result<std::optional<platform::FileLock>> Installation::take_turn(bool makes_home) {
    if (makes_home) {
        if (const auto made = platform::make_home(home_); !made) return fail(made.error());
    }
    auto lock =
        platform::FileLock::take(home_.directory / ".installation.lock", limits::setup_change_time);
    if (lock) return std::optional<platform::FileLock>(std::move(*lock));
    if (lock.error().kind == ErrorKind::not_found) return std::optional<platform::FileLock>();
    return fail(lock.error());
}

setup::Facts Installation::look(bool chooses_ports) {
    const auto parsed = platform::read_config(home_);
    auto facts = platform::make_facts(home_, parsed.config);
    platform::gather(facts, *runner_);
    for (int round = 0; chooses_ports && round < limits::setup_ask_rounds; ++round) {
        const auto chosen = setup::choose_ports(facts);
        if (chosen == facts.ports) break;
        facts.ports = chosen;
        // What was asked about the old ports was asked in another role.
        facts.listeners.clear();
        platform::gather(facts, *runner_);
    }
    return facts;
}

Installation::Done Installation::carry_out(const setup::Facts& facts, const setup::Plan& plan,
                                           OnFailure on_failure, bool may_ask, bool is_quiet) {
    // Lines of our own say what happens.
    set_log_level(LogLevel::error);
    // One for the whole verb: take_back() knows all of it.
    if (!applier_)
        applier_ = std::make_unique<platform::Applier>(
            *runner_, home_,
            platform::Applier::Settings{may_ask && facts.has_terminal, facts.folders, facts.uid});
    Done done;
    for (const auto& [layer, step] : plan) {
        if (const auto* notice = std::get_if<setup::Notify>(&step)) {
            if (!is_quiet) fmt::print("  note: {}\n", notice->text);
            continue;
        }
        const auto* admin = std::get_if<setup::AskAdmin>(&step);
        if (admin && !is_quiet) fmt::print("  {}\n", setup::describe(step));
        std::fflush(stdout);
        const auto report = applier_->apply(step);
        using Outcome = platform::StepReport::Outcome;
        if (report.outcome == Outcome::failed) {
            ++done.failed_count;
            // Also a "no" in a dialog that a command of the system opened by itself.
            done.was_refused =
                done.was_refused || admin != nullptr || setup::is_cancelled(report.detail);
            fmt::print(stderr, "{} {}: {}: {}\n", bad_mark(), layer->title, setup::describe(step),
                       report.detail);
            if (on_failure == OnFailure::stop) return done;
            continue;
        }
        if (is_quiet) continue;
        if (report.outcome == Outcome::done)
            fmt::print("{} {}: {}\n", good_mark(), layer->title, setup::describe(step));
        else if (!report.detail.empty())
            fmt::print("  {}: {}\n", layer->title, report.detail);
    }
    return done;
}

void Installation::take_back() {
    if (!applier_) return;
    for (const auto& report : applier_->undo())
        if (report.outcome == platform::StepReport::Outcome::failed)
            fmt::print(stderr, "{} {}\n", bad_mark(), report.detail);
}

std::string to_text(const setup::Plan& plan) {
    std::string text;
    for (const auto& [layer, step] : plan)
        text += fmt::format("  [{}] {}\n", layer->title, setup::describe(step));
    return text;
}

std::string_view good_mark() { return platform::speaks_utf8() ? "\u2713" : "ok"; }
std::string_view bad_mark() { return platform::speaks_utf8() ? "\u2717" : "failed"; }

}  // namespace halton::roles
