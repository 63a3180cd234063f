#include "proxy/refusals.h"

#include <algorithm>
#include <array>

#include "base/limits.h"

namespace halton::proxy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr std::array<std::chrono::minutes, 3> back_off{minutes(5), hours(1), hours(24)};
constexpr std::chrono::minutes back_off_unknown{1};
// Two silent closes within this time are no health probe.
constexpr std::chrono::minutes doubt_window{2};

}  // namespace

void Refusals::note(const std::string& program, const std::string& host, Sign sign,
                    SteadyTime now) {
    if (pairs_.size() >= limits::refusal_count_max && !pairs_.contains({program, host}))
        pairs_.erase(std::min_element(pairs_.begin(), pairs_.end(), [](const auto& a, const auto& b) {
            return a.second.until < b.second.until;
        }));
    State& state = pairs_[{program, host}];
    if (state.count++ == 0) state.since = system_clock().now_utc();
    if (sign == Sign::close_after) {
        const bool is_repeated = state.last_doubt != SteadyTime{} &&
                                 now - state.last_doubt < doubt_window;
        state.last_doubt = now;
        if (!is_repeated) return;
    }
    const auto step = std::min<std::size_t>(static_cast<std::size_t>(state.step),
                                            back_off.size() - 1);
    // Programs whose process was not found share one name: none may speak for long for the others.
    state.until = now + (program.empty() ? back_off_unknown : back_off[step]);
    ++state.step;
}

void Refusals::note_success(const std::string& program, const std::string& host) {
    pairs_.erase({program, host});
}

bool Refusals::is_refusing(const std::string& program, const std::string& host,
                           SteadyTime now) const {
    const auto found = pairs_.find({program, host});
    return found != pairs_.end() && now < found->second.until;
}

std::vector<Refusals::Entry> Refusals::all() const {
    std::vector<Entry> entries;
    for (const auto& [pair, state] : pairs_)
        entries.push_back({pair.first, pair.second, state.count, state.since});
    return entries;
}

}  // namespace halton::proxy
