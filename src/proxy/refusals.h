// Refusals: clients that do not accept our certificate, by program,
// TLS library and host. One clear refusal and the next connection is a passthrough, with back-off re-tries (5 min, 1 h, 24 h) so
// that a later trust fix is noticed. Pure: time is an argument.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace halton::proxy {

class Refusals {
public:
    // How a refusal looked.
    enum class Sign {
        alert,             // fatal alert: unknown_ca, bad_certificate, certificate_unknown, ...
        reset,             // TCP reset during the handshake
        close,             // plain close during the handshake
        close_after,       // handshake done, then closed before a byte: counts when it repeats
    };

    // Who refuses whose certificate. One program may hold several TLS libraries, each with its
    // own trust: an agent's model calls and its control calls, two scripts of one interpreter.
    struct Client {
        std::string program;  // empty: its process was not found
        std::string stack;    // tls::ClientHello::stack
        std::string host;
        auto operator<=>(const Client&) const = default;
    };

    void note(const Client& client, int pid, Sign sign, SteadyTime now);
    // An answer came through: forget what this client refused. From then on a connection that
    // this process leaves without a word was opened for stock or was not needed any more, as
    // HTTP libraries do; only an alert still says no.
    void note_accepted(const Client& client, int pid);
    // Whether the client is on passthrough now.
    bool is_refusing(const Client& client, SteadyTime now) const;

    struct Entry {
        std::string program;
        std::string host;
        std::uint64_t count = 0;
        UtcTime since;
    };
    // One for each client that has refused, by program.
    std::vector<Entry> all() const;

private:
    struct State {
        SteadyTime until{};          // passthrough until then
        SteadyTime last_doubt{};     // of the fourth signature
        int step = 0;                // of the back-off
        std::vector<int> accepting_pids;  // the newest last
        std::uint64_t count = 0;
        UtcTime since;
    };
    State& state_of(const Client& client);

    std::map<Client, State> clients_;
};

}  // namespace halton::proxy
