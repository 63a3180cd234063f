#include "setup/watchdog_rule.h"

#include <random>

#include "base/limits.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::setup;

namespace {

// '.' a good look, 'x' a failed one; 'A' where the rule acts, '-' where it does nothing.
std::string run(const std::string& looks, bool works = true) {
    WatchdogState state;
    std::string acts;
    for (const char look : looks) {
        const auto next = step(state, look == '.');
        state = next.state;
        const bool is_act = next.action == WatchdogAction::switch_proxy_off;
        if (is_act) state = after_action(state, works);
        acts += is_act ? 'A' : '-';
    }
    return acts;
}

}  // namespace

TEST_CASE("watchdog: five failures in a row, then once") {
    static_assert(limits::watchdog_failures == 5 && limits::watchdog_poll.count() == 1'500);
    CHECK(run("xxxx") == "----");
    CHECK(run("xxxxx") == "----A");
    CHECK(run("xxxxxxxxxxxxxxxxxxxx") == "----A---------------");
    CHECK(run("xxxx.xxxx.xxxx") == "--------------");
    CHECK(run("xxxx.xxxxx") == "---------A");
    CHECK(run("xxxxxxx.xxxxx") == "----A-------A");
    CHECK(run("......") == "------");
}

TEST_CASE("watchdog: an action that did not work is tried again, a few times") {
    CHECK(run(std::string(40, 'x'), false) == "----A----A----A-------------------------");
    CHECK(run(std::string(40, 'x') + "." + std::string(5, 'x'), false) ==
          "----A----A----A------------------------------A");
}

TEST_CASE("watchdog: whatever the daemon does") {
    std::mt19937 random(7);
    for (int round = 0; round < 3'000; ++round) {
        WatchdogState state;
        int failures = 0;  // in a row
        int acts = 0;      // since the last success
        for (int i = 0; i < 60; ++i) {
            const bool is_healthy = random() % 8 == 0;
            failures = is_healthy ? 0 : failures + 1;
            if (is_healthy) acts = 0;
            const auto next = step(state, is_healthy);
            state = next.state;
            if (next.action == WatchdogAction::switch_proxy_off) {
                REQUIRE(failures >= limits::watchdog_failures);
                state = after_action(state, true);
                ++acts;
            }
            REQUIRE(acts <= 1);
            REQUIRE(acts == (failures >= limits::watchdog_failures ? 1 : 0));
            if (is_healthy) REQUIRE(state == WatchdogState{});
        }
    }
}
