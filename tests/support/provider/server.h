// Server: accepts connections, does TLS, reads requests, sends answers.
// One coroutine a connection, all on one thread; a connection's failure ends that connection only.
#pragma once

#include <cstdint>
#include <string>

#include "support/provider/certificates.h"
#include "support/provider/ledger.h"
#include "support/provider/options.h"
#include "support/provider/script.h"

namespace provider {

struct BoundPorts {
    std::uint16_t port = 0;
    std::uint16_t http_port = 0;  // 0: none
};

// Serves until SIGTERM or SIGINT. `on_bound` is called once both ports are bound.
// Returns an exit code.
int serve(const Options& options, const Script& script, const TestAuthority& authority,
          Ledger& ledger, void (*on_bound)(const Options&, const BoundPorts&));

}  // namespace provider
