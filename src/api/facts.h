// What the API tells that is not in the database: the daemon right now, and what it was given.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/ports_file.h"
#include "store/ledger.h"
#include "store/reader.h"
#include "store/usage.h"

namespace halton::meter {
class PriceBook;
}

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
    std::int64_t running_calls = 0;
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
    struct Policies {
        std::string state = "ok";  // or "unreadable", "slow"
        std::string last_error;
        std::uint64_t active = 0;
        std::uint64_t blocking = 0;
        std::uint64_t blocked = 0;
        std::uint64_t undecided = 0;
        std::uint64_t failures = 0;
        std::uint64_t audit_dropped = 0;
        std::uint64_t hooks_failed = 0;
    };
    Policies policies;
    // Captured bodies: those that are held now, and those for which there was no room.
    std::uint64_t body_memory_bytes = 0;
    std::uint64_t bodies_refused = 0;
};

// What routes ask besides the database. Const, or safe for any thread; outlives them.
struct Sources {
    const Clock* clock = nullptr;
    std::string database;  // its path
    const meter::PriceBook* prices = nullptr;
    // The machine's time zone between two moments, and its name at one.
    std::function<store::DayZone(UtcTime, UtcTime)> local_zone;
    std::function<std::string(UtcTime)> local_zone_name;
    // How the cost of that call came about, as a JSON object; empty: its row is too old for it.
    std::function<std::string(store::Reader&, const std::string& id)> explain;
    std::function<std::string()> doctor;   // its report as a JSON object; blocks for a second
    std::function<std::string()> metrics;  // Prometheus text; on the I/O thread only
};

}  // namespace halton::api
