// TcpStream: one TCP connection while a coroutine talks on it (heads, handshakes). Every operation
// takes its limit. When only moving bytes is left, release() gives the socket to a Duplex.
// Owner: the connection's coroutine frame. Thread: the I/O thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include "base/result.h"
#include "platform/socket.h"

namespace halton::net {

using Milliseconds = std::chrono::milliseconds;

class TcpStream {
public:
    // Takes an open socket; sets TCP_NODELAY and non-blocking mode. Errors of this stream carry
    // `leg`.
    TcpStream(asio::ip::tcp::socket socket, Leg leg);

    // At least one byte; those that are there when the limit is over count too. Errors: closed
    // (orderly end), reset, timeout, cancelled.
    asio::awaitable<Result<std::size_t>> read_some(std::span<char> buffer, Milliseconds limit);
    // Appends at least one byte and at most `bytes_max` to `text`. Errors as above.
    asio::awaitable<Result<void>> read_more(std::string& text, std::size_t bytes_max,
                                            Milliseconds limit);
    // All of it. Errors: reset, timeout, cancelled.
    asio::awaitable<Result<void>> write_all(std::string_view bytes, Milliseconds limit);

    // Whether the peer has gone, with nothing left to read from it. Does not wait.
    bool has_peer_gone();

    void shutdown_write();
    // The socket without Asio; this stream is then empty.
    platform::Socket release();

    asio::ip::tcp::socket& socket() { return socket_; }
    asio::ip::tcp::endpoint local_address() const;
    asio::ip::tcp::endpoint remote_address() const;

private:
    asio::awaitable<Result<void>> wait(asio::ip::tcp::socket::wait_type what, Milliseconds limit);
    Error failed(int error) const;

    asio::ip::tcp::socket socket_;
    Leg leg_;
};

// errno or Asio's code as our kind.
ErrorKind to_error_kind(const std::error_code& code);

}  // namespace halton::net
