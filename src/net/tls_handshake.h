// Runs a TlsEngine's handshake over a TcpStream.
#pragma once

#include <string>

#include <asio/awaitable.hpp>

#include "net/tcp_stream.h"
#include "net/turns.h"
#include "tls/engine.h"

namespace halton::net {

// `first_bytes`: ciphertext that was read already. Returns the ciphertext that came behind the
// handshake and belongs to the connection. All within `limit`. Each step waits for its turn where
// `turns` is given.
// Errors: the stream's (closed, reset, timeout, cancelled) and the engine's (tls_*), with `leg`.
asio::awaitable<Result<std::string>> run_handshake(TcpStream& stream, tls::TlsEngine& engine,
                                                   std::string first_bytes, Milliseconds limit,
                                                   Leg leg, Turns* turns = nullptr);

}  // namespace halton::net
