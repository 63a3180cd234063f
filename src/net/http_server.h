// A small HTTP/1.1 server for loopback readers of the API: one request at a time a connection,
// keep-alive, answers whole or in pieces. What to answer is the handler's business.
// In:    connections, each in a task of its own. Out: exchanges for the handler.
// Fails: never for the others. A head or body that is odd, too large or too slow ends its
// connection. Owner: the role. Thread: the I/O thread. Limits: head_bytes_max, Limits::first_head
// for a whole head and a whole body, HttpServer::Bounds.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <string_view>

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

// One request, and its answer: either send(), or begin(), write() and end().
class HttpExchange {
public:
    HttpExchange(TcpStream& client, const Limits& limits, http::RequestHead head, std::string body,
                 bool is_last);

    const http::RequestHead& head() const { return head_; }
    const std::string& body() const { return body_; }

    // Errors of all of them: as TcpStream::write_all. A HEAD gets everything but the body.
    asio::awaitable<Result<void>> send(const HttpAnswer& answer);
    // An answer whose length is not known yet. HTTP/1.0 gets it until the end of the connection.
    asio::awaitable<Result<void>> begin(const HttpAnswer& answer);
    asio::awaitable<Result<void>> write(std::string_view piece);
    // Not called: the client sees that the answer was cut off.
    asio::awaitable<Result<void>> end();

    bool is_head() const { return head_.method == "HEAD"; }
    // Whether nobody is there any more to be answered. Does not wait.
    bool has_client_gone() { return client_.has_peer_gone(); }
    // Whether the connection can go on with another request.
    bool is_reusable() const { return is_done_ && !is_last_; }

private:
    TcpStream& client_;
    const Limits& limits_;
    http::RequestHead head_;
    std::string body_;
    bool is_last_;
    bool is_chunked_ = false;
    bool is_done_ = false;
};

using HttpHandler = std::function<asio::awaitable<void>(HttpExchange&)>;

class HttpServer {
public:
    struct Bounds {
        std::size_t connection_count_max = limits::api_connection_count_max;
        // Above it the connection that has waited longest for a request makes room.
        std::size_t connection_count_crowded = limits::api_connection_count_max;
        std::size_t body_bytes_max = 0;
    };

    // `limits` outlives the server.
    HttpServer(const Limits& limits, Bounds bounds, HttpHandler handler)
        : limits_(limits), bounds_(bounds), handler_(std::move(handler)) {}

    // Serves until the client leaves, sends something odd, or asks nothing for Limits::first_head.
    // The server outlives it.
    asio::awaitable<void> serve(TcpStream client);

    // Whether one more may be accepted.
    bool has_room() const { return connection_count_ < bounds_.connection_count_max; }

    std::size_t connection_count() const { return connection_count_; }

private:
    struct Counted;
    struct Waiting;
    void make_room();

    const Limits& limits_;
    Bounds bounds_;
    HttpHandler handler_;
    std::size_t connection_count_ = 0;
    std::list<TcpStream*> waiting_;  // for a request, the longest first
};

}  // namespace halton::net
