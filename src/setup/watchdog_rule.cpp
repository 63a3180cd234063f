#include "setup/watchdog_rule.h"

#include "base/limits.h"

namespace halton::setup {

WatchdogStep step(WatchdogState state, bool is_healthy) {
    if (is_healthy) return {WatchdogState{}, WatchdogAction::none};
    if (state.is_done) return {state, WatchdogAction::none};
    ++state.failures;
    if (state.failures < limits::watchdog_failures) return {state, WatchdogAction::none};
    state.failures = 0;
    ++state.actions;
    state.is_done = true;
    return {state, WatchdogAction::switch_proxy_off};
}

WatchdogState after_action(WatchdogState state, bool has_worked) {
    state.is_done = has_worked || state.actions >= limits::watchdog_actions_max;
    return state;
}

}  // namespace halton::setup
