#include <fmt/format.h>

#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

namespace halton::setup::layers {
namespace {

std::string mode_file(const Facts& facts) { return facts.folders.in_data("install-mode"); }
std::string apps_file(const Facts& facts) { return facts.folders.in_data("apps-managed"); }
std::string proxy_file(const Facts& facts) { return facts.folders.in_data("proxy-managed"); }

Questions ask(const Facts& facts) {
    return {.files = {mode_file(facts), apps_file(facts), proxy_file(facts)}};
}

Finding judge(const Facts& facts) {
    const auto& record = facts.file(mode_file(facts));
    const bool has_apps = is_present(facts, apps_file(facts));
    const bool has_proxy = is_present(facts, proxy_file(facts));
    if (record.state == FileFact::State::missing) {
        if (has_apps || has_proxy)
            return odd("sentinels.no_mode", "parts of an installation are noted, but no mode",
                       "halton-meter init --apps");
        return off("halton-meter is not installed");
    }
    if (facts.recorded_mode() == Mode::none)
        return odd("sentinels.unknown_mode", "install-mode holds no mode that is known",
                   "halton-meter init --apps");
    const auto mode = facts.recorded_mode();
    if (has_apps != (mode >= Mode::apps) || has_proxy != (mode == Mode::full))
        return odd("sentinels.disagree",
                   fmt::format("the mode is {}, but apps-managed is{} and proxy-managed is{} there",
                               to_text(mode), has_apps ? "" : " not", has_proxy ? "" : " not"),
                   init_command(facts));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    std::vector<Step> steps;
    const Wish in_place{.mode = wish.mode};
    const auto set = [&](const std::string& path, bool is_wanted_now) {
        if (is_wanted_now)
            add_file(steps, facts, path, "written by halton-meter init\n", 0600, in_place);
        else
            add_removal(steps, facts, path);
    };
    set(apps_file(facts), wish.mode >= Mode::apps);
    set(proxy_file(facts), wish.mode == Mode::full);
    add_file(steps, facts, mode_file(facts), std::string(to_text(wish.mode)) + "\n", 0600,
             in_place);
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    add_removal(steps, facts, proxy_file(facts));
    add_removal(steps, facts, apps_file(facts));
    add_removal(steps, facts, mode_file(facts));
    return steps;
}

}  // namespace

const Layer sentinels{"sentinels",
                      "mode",
                      "the installed mode in install-mode; apps-managed and proxy-managed say what "
                      "else is ours to keep or remove",
                      true,
                      true,
                      Mode::env_only,
                      "data-folder",
                      ask,
                      judge,
                      plan_apply,
                      plan_remove};

}  // namespace halton::setup::layers
