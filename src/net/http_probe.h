// One GET to a loopback port, for its status: how the edge asks the daemon for its health.
#pragma once

#include <string>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include "net/tcp_stream.h"

namespace halton::net {

// A connection to 127.0.0.1:`port`. Errors: refused, timeout, busy.
asio::awaitable<Result<TcpStream>> connect_loopback(asio::io_context& io, std::uint16_t port,
                                                    Milliseconds limit, Leg leg);

// The status of GET `path`. Errors: as connect, malformed; all within `limit`.
asio::awaitable<Result<int>> probe_http_status(asio::io_context& io, std::uint16_t port,
                                               std::string path, Milliseconds limit);

}  // namespace halton::net
