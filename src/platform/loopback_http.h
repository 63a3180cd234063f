// One small GET to a server of ours on this machine, for verbs that have no event loop.
// In:    port and path; the deadline covers all of it. Out: status and body.
// Fails: refused, timeout, malformed (not an HTTP answer), too_large, io.
// Blocking; loopback only, by IPv4 literal: no names are resolved and no proxy is used.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace halton::platform {

struct LoopbackAnswer {
    int status = 0;
    std::string body;
};

Result<LoopbackAnswer> get_loopback(std::uint16_t port, const std::string& path,
                                    std::chrono::milliseconds limit);

// Whether something accepts connections there.
bool is_listening(std::uint16_t port, std::chrono::milliseconds limit);

}  // namespace halton::platform
