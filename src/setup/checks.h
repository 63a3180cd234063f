// What runs now, judged: edge, daemon, the way between them, certificate, database, disk. Beside
// the layers of an installation (layer.h), which say how it was set up; both make a diagnosis
// (verdict.h). In: what a look gave. Out: rows. Fails: never; what was not found out is a value.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/ports_file.h"
#include "setup/machine.h"
#include "setup/verdict.h"

namespace halton::setup {

// What the edge says to GET /health on its own port.
struct EdgeAnswer {
    std::string version;
    int pid = 0;
    bool is_chaining = false;
    std::string daemon_down_since;  // empty while it is not
    std::int64_t chained = 0;
    std::vector<std::pair<std::string, std::int64_t>> passthrough;  // reason, count
};

// What the daemon says about itself.
struct DaemonAnswer {
    std::string version;
    std::int64_t uptime_s = 0;
    std::int64_t rows_written = 0;
    std::int64_t rows_dropped_queue_full = 0;
    std::int64_t rows_dropped_error = 0;
    std::int64_t rows_waiting = 0;
    std::int64_t rows_recovered = 0;
    bool is_kill_safe = true;
    std::string store_state;
    std::string store_last_error;
    std::vector<std::pair<std::string, std::int64_t>> passthrough;  // reason, count
    // On metered connections, and yet not read: see meter::UnseenCounts.
    std::int64_t unseen_connections = 0;
    std::int64_t unseen_requests = 0;
    struct Policies {
        std::string state;  // "ok", "unreadable", "slow"; empty: a daemon without them
        std::string last_error;
        std::int64_t active = 0;
        std::int64_t blocking = 0;
        std::int64_t blocked = 0;    // calls
        std::int64_t undecided = 0;  // calls that passed where a block could not be decided
        std::int64_t audit_dropped = 0;
        std::int64_t hooks_failed = 0;
    };
    Policies policies;
    struct Refusal {
        std::string program;
        std::string host;
        std::int64_t count = 0;
        std::string since;
    };
    std::vector<Refusal> refusals;  // clients that do not take our certificate
};

struct DatabaseState {
    enum class State { missing, unreadable, unsound, present };
    State state = State::missing;
    std::string complaint;  // of an unreadable or unsound one
    int schema_number = 0;
    int known_schema_number = 0;
};

// One look at everything that runs. Times out nowhere: each question has its limit.
struct Observed {
    std::string version;  // of this program
    Mode mode = Mode::none;
    config::EffectivePorts ports;
    bool is_stopped_on_purpose = false;  // the sentinel of `stop`

    bool is_edge_bound = false;
    std::optional<EdgeAnswer> edge;  // it answered as an edge
    bool has_edge_answered = false;  // anything at all; false: refused, or silent

    bool is_intercept_bound = false;
    bool is_api_bound = false;
    int health_status = 0;  // of GET /health; 0: no answer
    std::optional<DaemonAnswer> daemon;

    // A leaf of our CA, checked with ca-bundle.pem as a client would: empty when it verifies,
    // nothing where there is no CA or bundle to do it with.
    std::optional<std::string> leaf_complaint;

    // A call through edge and daemon to the daemon's own page, verified with ca-bundle.pem: whether
    // it failed, and how. Nothing where it was not tried.
    struct Probe {
        bool is_untrusted = false;
        std::string complaint;  // empty: it worked
    };
    std::optional<Probe> probe;

    DatabaseState database;
    std::optional<std::uint64_t> free_bytes;  // where the data folder is
};

// Free space below which the next rows may not fit.
inline constexpr std::uint64_t low_disk_bytes = 100 * 1024 * 1024;

std::vector<DiagnosisRow> judge_running(const Observed& observed);

}  // namespace halton::setup
