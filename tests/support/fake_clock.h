// A clock that stands still until it is told to move.
#pragma once

#include "base/clock.h"

namespace halton::test {

class FakeClock : public Clock {
public:
    // 2026-11-21T01:02:03Z
    explicit FakeClock(UtcTime utc = UtcTime(std::chrono::seconds(1'795'222'923))) : utc_(utc) {}

    UtcTime now_utc() const override { return utc_; }
    SteadyTime now_steady() const override { return steady_; }
    void advance(std::chrono::microseconds by) {
        utc_ += by;
        steady_ += by;
    }

private:
    UtcTime utc_;
    SteadyTime steady_{std::chrono::seconds(1000)};
};

}  // namespace halton::test
