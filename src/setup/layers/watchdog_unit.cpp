#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/layers/systemd.h"
#include "setup/systemd_unit.h"

namespace halton::setup::layers {
namespace {

std::vector<UnitFile> units(const Facts& facts) {
    return {{watchdog_service_unit, "default.target", make_watchdog_service(facts)}};
}

Questions ask(const Facts& facts) { return ask_units(facts, units(facts)); }

Finding judge(const Facts& facts) {
    const auto unit = units(facts).front();
    if (!is_wanted(facts, Mode::full))
        return has_unit_file(facts, unit.unit)
                   ? odd("watchdog.left", "its service is there, but the mode has none",
                         init_command(facts))
                   : off("only with --full");
    if (!has_bus(facts))
        return odd("watchdog.no_bus", "no systemd session: nothing takes the proxy setting back",
                   "halton-meter reset-proxy");
    if (!is_unit_right(facts, unit))
        return odd("watchdog.unit_differs", "its service is missing or of another version",
                   init_command(facts));
    const auto state = read_unit(facts, unit.unit);
    if (!state.is_active && is_present(facts, facts.folders.in_data("graceful-shutdown")))
        return off("stopped with the daemon");
    if (!state.is_active)
        return odd("watchdog.down", "it does not run: nothing takes the proxy setting back",
                   "halton-meter start");
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    if (!has_bus(facts)) return {};
    const auto files = units(facts);
    auto steps = plan_unit_files(facts, wish, files);
    const auto state = read_unit(facts, watchdog_service_unit);
    const bool is_new =
        facts.file(unit_path(facts, watchdog_service_unit)).text != files.front().text;
    if (!state.is_active || is_new)
        steps.push_back(RunCommand{
            .argv = systemctl({state.is_active ? "restart" : "start", watchdog_service_unit}),
            .undo = state.is_active ? Argv{} : systemctl({"stop", watchdog_service_unit})});
    return steps;
}

bool has_service(const Facts& facts) {
    return has_bus(facts) && has_unit_file(facts, watchdog_service_unit);
}

std::vector<Step> plan_start(const Facts& facts) {
    if (!has_service(facts) || read_unit(facts, watchdog_service_unit).is_active) return {};
    return {RunCommand{systemctl({"start", watchdog_service_unit})}};
}

std::vector<Step> plan_stop(const Facts& facts) {
    if (!has_service(facts) || !read_unit(facts, watchdog_service_unit).is_active) return {};
    return {RunCommand{systemctl({"stop", watchdog_service_unit})}};
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    const auto state = read_unit(facts, watchdog_service_unit);
    if (state.is_active)
        steps.push_back(
            RunCommand{.argv = systemctl({"stop", watchdog_service_unit}), .may_fail = true});
    if (state.sub_state == "failed")
        steps.push_back(RunCommand{.argv = systemctl({"reset-failed", watchdog_service_unit}),
                                   .may_fail = true});
    for (auto& step : plan_unit_removal(facts, units(facts), false))
        steps.push_back(std::move(step));
    return steps;
}

}  // namespace

const Layer watchdog_unit{"watchdog-unit",
                          "watchdog service",
                          "switches the desktop's proxy setting off when nothing answers behind it",
                          true,
                          false,
                          Mode::full,
                          "user-bus",
                          ask,
                          judge,
                          plan_apply,
                          plan_remove,
                          plan_start,
                          plan_stop};

}  // namespace halton::setup::layers
