#include <fmt/format.h>

#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/layers/systemd.h"

// Without linger the units end with the user's last session and start only at the next log-in.
namespace halton::setup::layers {
namespace {

std::string linger_file(const Facts& facts) { return "/var/lib/systemd/linger/" + facts.user_name; }
// That we switched it on, so that `uninstall` may switch it off.
std::string note_file(const Facts& facts) { return facts.folders.in_data("linger-managed"); }

// Tells without changing whether we may do it without a password.
Argv ask_session() { return {"loginctl", "show-user", "--property=Linger"}; }

Questions ask(const Facts& facts) {
    return {.files = {linger_file(facts), note_file(facts)},
            .commands = {ask_bus(), ask_session()}};
}

bool is_lingering(const Facts& facts) {
    return facts.file(linger_file(facts)).state != FileFact::State::missing;
}

Finding judge(const Facts& facts) {
    if (!has_bus(facts)) return off("no systemd session of this user");
    if (is_lingering(facts)) return good();
    if (!facts.command(ask_session()).started) return off("no loginctl");
    if (!is_wanted(facts, Mode::env_only)) return off("not installed");
    return odd("linger.off", "edge and daemon end with your last session",
               fmt::format("loginctl enable-linger {}", quote_for_shell(facts.user_name)));
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    if (!has_bus(facts) || is_lingering(facts) || !facts.command(ask_session()).started) return {};
    // The note comes first: cut off in between, uninstall switches off what was never on.
    return {WriteFile{note_file(facts), "written by halton-meter init\n", 0600},
            AskAdmin{.argv = {"loginctl", "enable-linger", facts.user_name},
                     .why = "edge and daemon then run from boot on and outlive your last session",
                     .may_fail = true,
                     .tries_alone_first = true,
                     .undo = {"loginctl", "disable-linger", facts.user_name}}};
}

std::vector<Step> plan_remove(const Facts& facts, const Wish& wish) {
    // With --graceful the edge lives on, also without a session.
    if (!is_present(facts, note_file(facts))) return {};
    std::vector<Step> steps;
    if (is_lingering(facts) && !wish.is_graceful)
        steps.push_back(AskAdmin{.argv = {"loginctl", "disable-linger", facts.user_name},
                                 .why = "undoes what init switched on",
                                 .may_fail = true,
                                 .tries_alone_first = true});
    steps.push_back(RemoveFile{note_file(facts)});
    return steps;
}

}  // namespace

const Layer linger{
    "linger",   "linger",   "systemd keeps this user's services without a session, from boot on",
    true,       false,      Mode::env_only,
    "user-bus", ask,        judge,
    plan_apply, plan_remove};

}  // namespace halton::setup::layers
