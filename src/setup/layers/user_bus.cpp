#include <fmt/format.h>

#include "base/text.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/layers/systemd.h"

namespace halton::setup::layers {
namespace {

Questions ask(const Facts&) { return {.commands = {ask_bus()}}; }

Finding judge(const Facts& facts) {
    if (has_bus(facts)) return good();
    const auto& answer = facts.command(ask_bus());
    if (!answer.started)
        return unknown("bus.no_systemd", "this system has no systemd: nothing starts us by itself",
                       "halton-meter start");
    // An SSH session or su: the manager may run all the same, and only the way to it is missing.
    return unknown("bus.not_reachable",
                   fmt::format("the user's systemd does not answer: {}",
                               to_safe_text(trim(answer.output), 120)),
                   "export XDG_RUNTIME_DIR=/run/user/$(id -u)");
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    if (has_bus(facts)) return {};
    return {Notify{
        "there is no systemd session of this user here: edge and daemon run as plain processes "
        "until the next boot (after it: halton-meter start); halton-meter run works as ever"}};
}

std::vector<Step> plan_remove(const Facts&, const Wish&) { return {}; }

}  // namespace

const Layer user_bus{"user-bus",
                     "user's systemd",
                     "who starts edge and daemon at log-in and again after a crash",
                     true,
                     false,
                     Mode::env_only,
                     "",
                     ask,
                     judge,
                     plan_apply,
                     plan_remove};

}  // namespace halton::setup::layers
