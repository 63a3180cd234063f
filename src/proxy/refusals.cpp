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

Refusals::State& Refusals::state_of(const Client& client) {
    if (clients_.size() >= limits::refusal_count_max && !clients_.contains(client))
        clients_.erase(
            std::min_element(clients_.begin(), clients_.end(), [](const auto& a, const auto& b) {
                return a.second.until < b.second.until;
            }));
    return clients_[client];
}

void Refusals::note(const Client& client, int pid, Sign sign, SteadyTime now) {
    State& state = state_of(client);
    if (sign != Sign::alert && std::find(state.accepting_pids.begin(), state.accepting_pids.end(),
                                         pid) != state.accepting_pids.end())
        return;
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
    state.until = now + (client.program.empty() ? back_off_unknown : back_off[step]);
    ++state.step;
}

void Refusals::note_accepted(const Client& client, int pid) {
    State& state = state_of(client);
    auto pids = std::move(state.accepting_pids);
    state = State{};
    std::erase(pids, pid);
    if (pids.size() >= limits::accepting_pid_count_max) pids.erase(pids.begin());
    if (pid != 0) pids.push_back(pid);
    state.accepting_pids = std::move(pids);
}

bool Refusals::is_refusing(const Client& client, SteadyTime now) const {
    const auto found = clients_.find(client);
    return found != clients_.end() && now < found->second.until;
}

std::vector<Refusals::Entry> Refusals::all() const {
    std::vector<Entry> entries;
    for (const auto& [client, state] : clients_)
        if (state.count > 0)
            entries.push_back({client.program, client.host, state.count, state.since});
    return entries;
}

}  // namespace halton::proxy
