// What the HTTP API on 8765 answers, as pure functions of the daemon's state: no sockets, and
// /health without touching the database.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/ports_file.h"
#include "store/ledger.h"

namespace halton::api {

// The daemon right now.
struct DaemonFacts {
    enum class State { starting, ok, draining };
    State state = State::starting;
    std::string version;
    std::string root_fingerprint;  // of the CA: hex SHA-256
    std::chrono::seconds uptime{0};
    config::EffectivePorts ports;
    store::LedgerCounters ledger;
    std::int64_t request_count_last_hour = 0;
    std::map<std::string, std::uint64_t, std::less<>> passthrough;  // reason -> connections
    // On metered connections, and yet not read: see meter::UnseenCounts.
    std::uint64_t unseen_connections = 0;
    std::uint64_t unseen_requests = 0;
    struct Refusal {
        std::string program;
        std::string host;
        std::uint64_t count;
        UtcTime since;
    };
    std::vector<Refusal> refusals;
};

struct Answer {
    int status = 200;
    std::string body;  // JSON
};

// `host_header` guards against DNS rebinding: only loopback names are served.
Answer answer(std::string_view method, std::string_view target, std::string_view host_header,
              const DaemonFacts& facts);

}  // namespace halton::api
