// What the edge has done with the connections it was given: handed to the daemon, or tunnelled
// unread, and why. It tells that on its own port, to GET /health from this machine, so that
// `status` and `doctor` see whether it really chains. Numbers only, no host and no client.
// Pure; thread: the I/O thread. Counted since the edge's start: it has no database to keep them in.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/ports_file.h"
#include "http/head.h"

namespace halton::proxy {

// Why a connection did not go to the daemon.
enum class EdgePass {
    daemon_down,   // its health was bad already
    chain_failed,  // it died or hung with this connection
    declined,      // it said "yours": it counts the reasons itself
    loopback,      // somebody's local server
    plain_http,    // nothing to decrypt
};

class EdgeCounts {
public:
    void note_chained() { ++chained_; }
    void note_passed(EdgePass why) { ++passed_[static_cast<std::size_t>(why)]; }
    // What a look at the daemon's health said.
    void note_health(bool is_healthy, UtcTime now);

    struct About {
        std::string_view version;
        int pid = 0;
        std::uint16_t port = 0;
        std::uint16_t internal_port = 0;
    };
    // {"role":"edge",...} as GET /health shows it.
    std::string to_json(const About& about) const;

private:
    std::uint64_t chained_ = 0;
    std::array<std::uint64_t, 5> passed_{};
    bool is_healthy_ = false;
    UtcTime down_since_{};  // while it is not
};

// Whether this is a question for the edge itself: GET /health by a loopback name, so that no web
// page can ask by rebinding a name of its own.
bool is_health_question(const http::RequestHead& head);

// A complete 200 response with that JSON, and the connection's end.
std::string make_health_response(std::string_view json);

}  // namespace halton::proxy
