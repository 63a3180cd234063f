// A blocking connection to a port of this machine, for verbs that have no event loop; one deadline
// covers all of it. By IPv4 literal: no names are resolved and no proxy is used.
// Fails: refused, timeout, closed, io. Owner and thread: the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/socket.h"

namespace halton::platform {

class LoopbackStream {
public:
    static Result<LoopbackStream> connect(std::uint16_t port, std::chrono::milliseconds limit);

    Result<void> send(std::string_view bytes);
    // Appends at least one byte. Errors: closed (the end), timeout, io.
    Result<void> receive(std::string& bytes);

private:
    LoopbackStream(Socket socket, std::uint16_t port, std::chrono::steady_clock::time_point until)
        : socket_(std::move(socket)), port_(port), until_(until) {}

    Socket socket_;
    std::uint16_t port_;
    std::chrono::steady_clock::time_point until_;
};

}  // namespace halton::platform
