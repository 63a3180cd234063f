// ApiServer: the HTTP API of the daemon. Joins the table of routes (api/) with sockets (net/), the
// readers of the database (store/) and their threads.
// In:    connections of the API's listener. Out: answers.
// Fails: never for metering. What takes too long, or nobody waits for, is interrupted; who asks
//        while all is busy waits, and gets 503 in the end.
// Owner: the daemon. Thread: the I/O thread; queries run on api_reader_count threads with a
//        read-only connection each, slow things and changes on one more.
// Limits: those of base/limits.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "api/facts.h"
#include "api/guard.h"
#include "api/live.h"
#include "api/metrics.h"
#include "api/routes.h"
#include "base/limits.h"
#include "net/blocking.h"
#include "net/http_server.h"
#include "net/task_group.h"

namespace halton::roles {

// Finished calls on their way to the ledger: those who watch see them, and they are counted.
class WatchedSink final : public meter::CallSink {
public:
    // Both outlive it.
    WatchedSink(meter::CallSink& next, api::LiveFeed& live) : next_(next), live_(live) {}
    void offer(meter::CallRecord call) noexcept override;
    void offer_with_bodies(meter::CallRecord call,
                           std::unique_ptr<meter::CallBodies> bodies) noexcept override;

    const api::Metrics& metrics() const { return metrics_; }

private:
    void show(const meter::CallRecord& call) noexcept;

    meter::CallSink& next_;
    api::LiveFeed& live_;
    api::Metrics metrics_;
};

class ApiServer {
public:
    struct Parts {
        asio::io_context& io;
        const Limits& limits;
        api::LiveFeed& live;
        std::vector<std::string> allow_origins;
        std::string token;  // empty: nothing can be changed
        api::Sources sources;
        std::function<api::DaemonFacts()> facts;
    };
    explicit ApiServer(Parts parts);
    ~ApiServer();

    // One connection, until it ends. The server outlives it.
    asio::awaitable<void> serve(net::TcpStream client) { return server_.serve(std::move(client)); }
    bool has_room() { return server_.has_room(); }

    // Tells those who watch how many calls run, whenever that changes. Until it is cancelled.
    asio::awaitable<void> watch();

    // Ends all queries and its threads and lets go of the database: for good, or so that the
    // process may fork.
    asio::awaitable<void> stop();

private:
    struct Worker;
    // A worker for as long as it lives.
    class Lease {
    public:
        Lease(ApiServer& server, Worker* worker) : server_(&server), worker_(worker) {}
        Lease(Lease&& other) noexcept
            : server_(other.server_), worker_(std::exchange(other.worker_, nullptr)) {}
        Lease& operator=(Lease&&) = delete;
        ~Lease();
        Worker* get() const { return worker_; }

    private:
        ApiServer* server_;
        Worker* worker_;
    };

    struct Waiting;
    // A kind of worker that is free; none after the limit, or when the client left.
    asio::awaitable<Lease> take(bool is_slow, net::HttpExchange& exchange);
    void give_back(Worker& worker);

    asio::awaitable<void> handle(net::HttpExchange& exchange);
    asio::awaitable<api::Answer> run(const api::Route& route, const api::Request& request,
                                     net::HttpExchange& exchange);
    // The rest of an answer, piece by piece.
    using Piece = std::function<Result<std::string>(store::Reader&)>;
    asio::awaitable<void> stream(std::shared_ptr<const Piece> more, net::HttpExchange& exchange);
    asio::awaitable<void> follow(const api::Request& request, net::HttpExchange& exchange,
                                 std::string_view cors_origin);

    Parts parts_;
    net::HttpServer server_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::deque<Waiting*> waiting_;
    bool is_stopping_ = false;
    asio::steady_timer watch_timer_;
};

}  // namespace halton::roles
