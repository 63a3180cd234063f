#include <fmt/format.h>

#include "setup/desktop_proxy.h"
#include "setup/layers/desktop.h"
#include "setup/layers/environment.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/system_state.h"

namespace halton::setup::layers {
namespace {

std::string settings_file(const Facts& facts) { return facts.folders.user_config + "/kioslaverc"; }

bool is_kde(const Facts& facts) {
    const auto found = facts.environment.find("XDG_CURRENT_DESKTOP");
    return (found != facts.environment.end() && found->second.find("KDE") != std::string::npos) ||
           facts.file(settings_file(facts)).state == FileFact::State::present;
}

Questions ask(const Facts& facts) {
    return {.files = {settings_file(facts), system_state_file(facts)}};
}

const std::string& text_of(const Facts& facts) { return facts.file(settings_file(facts)).text; }

bool is_ours_now(const Facts& facts) { return is_ours(text_of(facts), edge_ports(facts)); }

// Running programs read the file again at this signal; without a bus they do at their start.
RunCommand tell_programs() {
    return {.argv = {"dbus-send", "--type=signal", "/KIO/Scheduler",
                     "org.kde.KIO.Scheduler.reparseSlaveConfiguration", "string:"},
            .may_fail = true};
}

bool is_blocked(const Facts& facts) {
    return !facts.has_upstream_proxy && !is_ours_now(facts) && has_proxy(text_of(facts));
}

Finding judge(const Facts& facts) {
    if (!is_kde(facts)) return off("no KDE session");
    if (!is_wanted(facts, Mode::full)) {
        if (!is_ours_now(facts)) return off("only with --full");
        return broken("kde.left_on", "the desktop's proxy leads to us, but the mode has none",
                      "halton-meter reset-proxy");
    }
    if (is_blocked(facts))
        return odd("kde.foreign_proxy", "the desktop has another proxy, which stays in force",
                   init_command(facts));
    // The daemon takes it away as it ends, and puts it back as it starts.
    if (!is_ours_now(facts) && is_present(facts, facts.folders.in_data("graceful-shutdown")))
        return off("off while the daemon is stopped");
    if (text_of(facts) != switch_on_kioslaverc(text_of(facts), facts.ports.edge_port))
        return is_ours_now(facts)
                   ? broken("kde.other_port",
                            "the desktop's proxy leads to a port that is not ours now",
                            init_command(facts))
                   : odd("kde.off", "the desktop's proxy does not lead to us", init_command(facts));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    if (!is_kde(facts)) return {};
    if (is_blocked(facts)) return {Notify{advise_on_proxy(facts, "another proxy of the desktop")}};
    const auto text = switch_on_kioslaverc(text_of(facts), facts.ports.edge_port);
    if (text == text_of(facts)) return {};
    SystemState seen;
    seen.kde = KdeState{};
    if (is_present(facts, settings_file(facts))) seen.kde->kioslaverc = text_of(facts);
    auto steps = plan_recording(system_state_file(facts), facts.file(system_state_file(facts)),
                                seen, edge_ports(facts));
    steps.push_back(MakeFolder{facts.folders.user_config, 0700});
    steps.push_back(WriteFile{settings_file(facts), text, 0});
    steps.push_back(tell_programs());
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    if (!is_ours_now(facts)) return {};
    const auto recorded = read_recorded(facts.file(system_state_file(facts)));
    std::vector<Step> steps;
    if (recorded && recorded->kde &&
        text_of(facts) ==
            switch_on_kioslaverc(recorded->kde->kioslaverc.value_or(""), facts.ports.edge_port)) {
        if (recorded->kde->kioslaverc)
            steps.push_back(WriteFile{settings_file(facts), *recorded->kde->kioslaverc, 0});
        else
            steps.push_back(RemoveFile{settings_file(facts)});
    } else {
        // Somebody has changed more since: only our switch is turned.
        steps.push_back(WriteFile{settings_file(facts), switch_off_kioslaverc(text_of(facts)), 0});
    }
    steps.push_back(RemoveFolderIfEmpty{facts.folders.user_config});
    steps.push_back(tell_programs());
    return steps;
}

}  // namespace

const Layer kde_proxy{"kde-proxy",
                      "KDE's proxy",
                      "the desktop's setting for HTTPS and HTTP in kioslaverc, as it was before in "
                      "system_state.json",
                      true,
                      false,
                      Mode::full,
                      "edge-unit",
                      ask,
                      judge,
                      plan_apply,
                      plan_remove};

}  // namespace halton::setup::layers
