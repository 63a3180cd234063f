// A small HTTP/1.1 server for loopback readers of the API: one request at a time a connection,
// keep-alive, bounded heads, no bodies read. What to answer is the handler's business.
#pragma once

#include <functional>
#include <string>

#include <asio/awaitable.hpp>

#include "base/limits.h"
#include "http/head.h"
#include "net/tcp_stream.h"

namespace halton::net {

struct HttpAnswer {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    http::HeaderList headers;  // more than the usual ones
};

using HttpHandler = std::function<HttpAnswer(const http::RequestHead&)>;

// Serves until the client leaves, sends something odd, or is idle for Limits::first_head.
asio::awaitable<void> serve_http(TcpStream client, const Limits& limits,
                                 const HttpHandler& handler);

}  // namespace halton::net
