// What attribution wants to know of a process: its folder and the files there, its variables, the
// editors above it, and its parents when nothing nearer answers.
// In:    a process id. Out: whatever could be read before the process was gone.
// Errors: not_found, permission (another user's process; it is not looked into).
// Limits: ancestor_count_max, process_facts_age_max, process_facts_count_max.
// Thread: one at a time. Blocking: about a tenth of a millisecond, some more with parents.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>

#include "base/result.h"
#include "meter/attribution.h"

namespace halton::platform {

class ClientProcesses {
public:
    // Parents and containers cost the most: they are looked at only when nothing before them
    // answers, unless somebody wants to see all.
    enum class Wanted { answer, all };
    Result<meter::ClientProcess> read(int pid, Wanted wanted = Wanted::answer);

private:
    // A process says the same of itself as long as it is the same program in the same folder. What
    // its files say is read anew each time: people edit them and try again.
    struct Known {
        std::uint64_t started = 0;
        std::string executable;
        std::chrono::steady_clock::time_point read_at;
        meter::ClientProcess process;
    };
    std::deque<Known> known_;  // newest first
};

}  // namespace halton::platform
