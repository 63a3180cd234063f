// `userenv`: applies the session's variables once, for programs that are started from now on. What
// a log-in runs, and people whose session started before `init`.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "roles/exit_code.h"
#include "roles/installation.h"
#include "roles/verbs.h"

namespace halton::roles {

int run_userenv(int argc, char** argv) {
    cxxopts::Options options("halton-meter userenv",
                             "Applies the session's variables once (after init --apps).\n");
    options.add_options()("h,help", "print this help");
    if (const auto done = parse_flags(options, argc, argv)) return *done;
    auto installation = Installation::find();
    if (!installation) {
        return report_failure(installation.error().context, "doctor");
    }
    const auto facts = installation->look(false);
    const auto mode = facts.recorded_mode();
    if (mode < setup::Mode::apps) {
        fmt::print("Nothing to apply: the mode is {}.\n", setup::to_text(mode));
        return exit_done;
    }
    setup::Plan plan;
    for (const auto* layer : setup::applicable(facts.system))
        if (layer->id.starts_with("session-environment"))
            for (auto& step : setup::plan_repair(facts, {.mode = mode}, *layer))
                plan.push_back(std::move(step));
    const auto done = installation->carry_out(facts, plan, Installation::OnFailure::go_on, false);
    return done.failed_count > 0 ? exit_failed : exit_done;
}

}  // namespace halton::roles
