// Listener: accepts loopback connections and hands each to a handler.
// Out of file descriptors or memory, or over the connection limit, it pauses instead of spinning or
// dying.
#pragma once

#include <cstdint>
#include <functional>

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include "base/result.h"
#include "platform/socket.h"

namespace halton::net {

class Listener {
public:
    // Binds 127.0.0.1:`port`; when that is taken the next `fallback_count` ports upwards.
    // Port 0: any. Errors: busy (all taken; the context names the port), permission, io.
    static Result<Listener> bind(const asio::any_io_executor& executor, std::uint16_t port,
                                 int fallback_count);
    // Takes a socket that listens on loopback already: a supervisor's, or another edge's.
    // Errors: unsupported (it is something else), io.
    static Result<Listener> adopt(const asio::any_io_executor& executor, platform::Socket socket);

    std::uint16_t port() const { return port_; }

    // Accepts until close(). `has_room` is asked before each accept.
    asio::awaitable<void> serve(std::function<bool()> has_room,
                                std::function<void(asio::ip::tcp::socket)> on_connection);
    void close();

    // Accepts no more and lets go of nothing: connections queue in the kernel, for whoever shares
    // the socket. And takes it back.
    void pause();
    void resume() { is_paused_ = false; }

    int descriptor() { return acceptor_.native_handle(); }

private:
    Listener(asio::ip::tcp::acceptor acceptor, std::uint16_t port)
        : acceptor_(std::move(acceptor)), port_(port) {}

    asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_;
    bool is_paused_ = false;
};

}  // namespace halton::net
