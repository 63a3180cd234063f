// PendingAnswers: answers that were asked for and did not come with the call: background
// responses, predictions that are polled. Their counts come with a later call that fetches them,
// and again with every further one; so an answer counts once, and only when its first call was
// seen here to end without counts.
// Owner: the daemon, shared by all observers. Thread: the I/O thread. Limits:
// pending_answer_count_max, the oldest out. A restart forgets them: what was counted before is then
// never counted twice, and what was still running is not counted.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/limits.h"

namespace halton::meter {

class PendingAnswers {
public:
    explicit PendingAnswers(std::size_t count_max = limits::pending_answer_count_max)
        : count_max_(count_max) {}

    // The call that began `id` at `provider` ended without counts.
    void expect(std::string_view provider, std::string_view id);
    // Whether counts for it are wanted now; true once for each expect().
    bool take(std::string_view provider, std::string_view id);

    std::size_t size() const { return ids_.size(); }

private:
    std::size_t count_max_;
    std::unordered_set<std::string> ids_;
    std::deque<std::string> order_;  // oldest first
};

}  // namespace halton::meter
