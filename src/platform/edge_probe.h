// Calls to an edge as a tool would make them, for `init`'s self-test, `status` and `doctor`. Needs
// no network: the daemon itself answers for meter::self_test_host.
// Blocking; loopback only; one limit covers each call.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace halton::platform {

// Whether an edge of ours answers there: it says so to a request that is none of a proxy.
bool is_edge(std::uint16_t port, std::chrono::milliseconds limit);

struct ConnectAnswer {
    int status = 0;      // of the answer to CONNECT
    std::string reason;  // x-halton-reason of a refusal
};
// CONNECT host:443, and away. Errors: refused, timeout, malformed, io.
Result<ConnectAnswer> connect_through(std::uint16_t port, std::string_view host,
                                      std::chrono::milliseconds limit);

struct CallAnswer {
    int status = 0;
    std::string body;
};
// GET / over TLS, verified with `roots` (PEM texts). Errors: as connect_through, and unsupported
// (CONNECT was refused; the context has the reason), tls_verify, tls_alert, tls_protocol.
Result<CallAnswer> call_through(std::uint16_t port, const std::string& host,
                                const std::vector<std::string>& roots,
                                std::chrono::milliseconds limit);

}  // namespace halton::platform
