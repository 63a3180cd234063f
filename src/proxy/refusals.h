// Refusals: clients that do not accept our certificate, by program and host. One clear refusal and
// the next connection of that pair is a passthrough, with back-off re-tries (5 min, 1 h, 24 h) so
// that a later trust fix is noticed. Pure: time is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace halton::proxy {

class Refusals {
public:
    // How a refusal looked (../spec calls them the four signatures).
    enum class Sign {
        alert,             // fatal alert: unknown_ca, bad_certificate, certificate_unknown, ...
        reset,             // TCP reset during the handshake
        close,             // plain close during the handshake
        close_after,       // handshake done, then closed before a byte: counts when it repeats
    };

    void note(const std::string& program, const std::string& host, Sign sign, SteadyTime now);
    // A call went through: forget everything about the pair.
    void note_success(const std::string& program, const std::string& host);
    // Whether the pair is on passthrough now.
    bool is_refusing(const std::string& program, const std::string& host, SteadyTime now) const;

    struct Entry {
        std::string program;
        std::string host;
        std::uint64_t count = 0;
        UtcTime since;
    };
    std::vector<Entry> all() const;

private:
    struct State {
        SteadyTime until{};          // passthrough until then
        SteadyTime last_doubt{};     // of the fourth signature
        int step = 0;                // of the back-off
        std::uint64_t count = 0;
        UtcTime since;
    };
    std::map<std::pair<std::string, std::string>, State> pairs_;
};

}  // namespace halton::proxy
