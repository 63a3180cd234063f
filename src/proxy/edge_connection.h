// One connection of a tool to the edge: CONNECT, a plain-HTTP request, or a clear 4xx.
// Never decrypts; needs no CA, database or daemon. Owner: the coroutine frame.
#pragma once

#include <functional>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include "base/limits.h"
#include "config/ports_file.h"
#include "net/dialer.h"
#include "net/shuttle.h"
#include "net/tcp_stream.h"
#include "proxy/edge_counts.h"
#include "proxy/health_cache.h"

namespace halton::proxy {

// What all connections of the edge share; made once by the role.
struct EdgeServices {
    asio::io_context& io;
    const Limits& limits;
    net::Dialer& dialer;
    net::Shuttle& shuttle;
    HealthCache& health;
    // The ports in force now (the daemon may have come back elsewhere).
    std::function<config::EffectivePorts()> ports;
    EdgeCounts* counts = nullptr;  // null: nobody asks
};

asio::awaitable<void> serve_edge_connection(net::TcpStream client, EdgeServices& services);

}  // namespace halton::proxy
