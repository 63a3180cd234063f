// The daemon's own answer for meter::self_test_host: TLS with a leaf of ours and one small page, so
// that `init` can see the whole way (edge, chain hop, certificate) without a network or a key.
// Nothing of it is metered.
// Owner: the connection's coroutine frame. Thread: the I/O thread.
#pragma once

#include <string>

#include <asio/awaitable.hpp>

#include "base/limits.h"
#include "net/tcp_stream.h"
#include "tls/authority.h"

namespace halton::proxy {

// `first_bytes`: of the client, behind its CONNECT. Whatever goes wrong ends the connection.
asio::awaitable<void> answer_self_test(net::TcpStream client, std::string first_bytes,
                                       tls::LeafCache& leaves, const Limits& limits);

}  // namespace halton::proxy
