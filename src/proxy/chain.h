// The chain hop: offers a client's connection to the daemon.
// In: a client stream, a target, the client's bytes so far. Out: taken over, or the same things
// back so that the caller goes on without the daemon. Nothing reaches the client in between.
#pragma once

#include <memory>
#include <string>

#include <asio/awaitable.hpp>

#include "http/head.h"
#include "net/raw_duplex.h"
#include "net/tcp_stream.h"

namespace halton::proxy {

struct EdgeServices;

struct ChainOutcome {
    // The tunnel to the daemon, which has answered the client's first flight: run it to its end.
    std::unique_ptr<net::RawDuplex> taken;
    // Or: go on yourself, with this stream and these first bytes of the client.
    std::unique_ptr<net::TcpStream> client;
    std::string first_flight;
    // Whether the client has been told 200 already.
    bool is_established = false;
};

// Both empty: the client is gone. Never fails: every trouble of the daemon is "go on yourself".
asio::awaitable<ChainOutcome> chain(std::unique_ptr<net::TcpStream> client, http::Target target,
                                    std::string first_flight, EdgeServices& services);

}  // namespace halton::proxy
