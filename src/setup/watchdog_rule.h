// When the watchdog acts: five looks at the daemon's health in a row that failed, then once. A
// success starts the counting anew. An action that did not work is tried again after five more
// failures, a bounded number of times. Pure; the role owns the timer.
#pragma once

namespace halton::setup {

struct WatchdogState {
    int failures = 0;      // in a row, counted until the action
    int actions = 0;       // since the last success
    bool is_done = false;  // nothing more to do before the next success
    bool operator==(const WatchdogState&) const = default;
};

enum class WatchdogAction { none, switch_proxy_off };

struct WatchdogStep {
    WatchdogState state;
    WatchdogAction action = WatchdogAction::none;
};

// One look at the daemon.
WatchdogStep step(WatchdogState state, bool is_healthy);

// What came of the action that the last step asked for.
WatchdogState after_action(WatchdogState state, bool has_worked);

}  // namespace halton::setup
