// The edge's services around one connection of a tool, with a daemon played by the test.
#pragma once

#include <functional>
#include <memory>

#include "net/task_group.h"
#include "proxy/chain_protocol.h"
#include "proxy/edge_connection.h"
#include "support/io.h"

namespace halton::test {

class EdgeWorld {
public:
    EdgeWorld() {
        config.connect_to = {{"api.example.com", 443, "127.0.0.1", target.port()},
                             {"web.example.com", 80, "127.0.0.1", target.port()}};
        limits.health_ttl_healthy = limits.health_ttl_unhealthy = std::chrono::hours(1);
        limits.connection_attempt_delay = Milliseconds(10);
    }
    ~EdgeWorld() { finish(); }

    // Ends everything; worlds built on this one call it before their own things go.
    void finish() {
        // A chain that was interrupted looks around and goes on; it ends with its cancellation.
        io.until([&] {
            shuttle->interrupt_all();
            tasks.cancel_all();
            return tasks.size() == 0 && shuttle->count() == 0;
        });
    }

    // A task that plays one of the parties.
    void play(asio::awaitable<void> part) { tasks.spawn("part", std::move(part)); }

    // One accepted connection of the daemon: reads the edge's offer and answers it.
    using Play = std::function<asio::awaitable<void>(TcpStream)>;
    void play_daemon(Play part) {
        play([](EdgeWorld& world, Play then) -> asio::awaitable<void> {
            TcpStream edge = co_await world.daemon.accept();
            world.offer = co_await read_head(edge);
            co_await then(std::move(edge));
        }(*this, std::move(part)));
    }
    void stop_daemon() { daemon.close(); }

    Io io;
    Limits limits = generous_limits();
    config::Config config;
    Server target{io};
    Server daemon{io};
    std::uint16_t daemon_port = daemon.port();
    std::uint16_t own_port = 1;
    net::Dialer dialer{io.context, config, limits,
                       [this](const asio::ip::address&, std::uint16_t port) {
                           return port == own_port;
                       }};
    std::unique_ptr<net::Shuttle> shuttle = std::move(*net::Shuttle::make(io.context, safety));
    net::TaskGroup tasks{io.context.get_executor()};
    bool is_daemon_healthy = true;
    int probe_count = 0;
    proxy::HealthCache health{io.context, tasks, limits, [this]() -> asio::awaitable<bool> {
                                  ++probe_count;
                                  co_return is_daemon_healthy;
                              }};
    proxy::EdgeServices services{io.context, limits,  dialer, *shuttle, health, [this] {
                                     config::EffectivePorts ports;
                                     ports.internal_port = daemon_port;
                                     return ports;
                                 }};
    std::string offer;  // what the edge said to the daemon
};

// ---- daemons, good and bad --------------------------------------------------------------------

namespace daemons {

namespace protocol = proxy::chain_protocol;

// Takes the connection and answers everything with "daemon: " in front.
inline asio::awaitable<void> take(TcpStream edge) {
    co_await edge.write_all(protocol::alive, safety);
    co_await edge.write_all(protocol::taken, safety);
    for (;;) {
        std::string text;
        const auto more = co_await edge.read_more(text, 4096, safety);
        if (!more) co_return;
        const std::string answer = "daemon: " + text;
        co_await edge.write_all(answer, safety);
    }
}

inline asio::awaitable<void> decline(TcpStream edge) {
    co_await edge.write_all(protocol::alive, safety);
    const std::string no = protocol::make_decline("not-metered");
    co_await edge.write_all(no, safety);
}

// Accepts, never says a word.
inline asio::awaitable<void> hang(TcpStream edge) { co_await read_to_end(edge); }

inline asio::awaitable<void> end_at_once(TcpStream edge) {
    edge.shutdown_write();
    co_return;
}

inline asio::awaitable<void> talk_nonsense(TcpStream edge) {
    co_await edge.write_all("SSH-2.0-x\r\n\r\n", safety);
    co_await read_to_end(edge);
}

inline asio::awaitable<void> die_after_alive(TcpStream edge) {
    co_await edge.write_all(protocol::alive, safety);
    const auto socket = edge.release();
    socket.reset_on_close();
}

inline asio::awaitable<void> hang_after_alive(TcpStream edge) {
    co_await edge.write_all(protocol::alive, safety);
    co_await read_to_end(edge);
}

// Says "taken", reads that many bytes of the client, then dies without one of its own.
inline asio::awaitable<void> die_after_taken(TcpStream edge, std::size_t count, bool is_reset) {
    co_await edge.write_all(protocol::alive, safety);
    co_await edge.write_all(protocol::taken, safety);
    co_await read_exactly(edge, count);
    const auto socket = edge.release();
    if (is_reset) socket.reset_on_close();
}

inline asio::awaitable<void> hang_after_taken(TcpStream edge) {
    co_await edge.write_all(protocol::alive, safety);
    co_await edge.write_all(protocol::taken, safety);
    co_await read_to_end(edge);
}

}  // namespace daemons

}  // namespace halton::test
