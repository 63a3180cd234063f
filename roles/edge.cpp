// The edge: owns the user-facing port, chains to the daemon or tunnels, never decrypts.
// Starts without config, CA, database or daemon, and outlives them all.
#include <cstdio>
#include <functional>
#include <optional>
#include <vector>

#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/log.h"
#include "base/version.h"
#include "net/dialer.h"
#include "net/every.h"
#include "net/fork.h"
#include "net/handover.h"
#include "net/http_probe.h"
#include "net/listener.h"
#include "net/shuttle.h"
#include "net/task_group.h"
#include "platform/home.h"
#include "platform/listeners.h"
#include "platform/network.h"
#include "platform/own_log.h"
#include "platform/process.h"
#include "platform/supervisor.h"
#include "proxy/edge_connection.h"
#include "proxy/health_cache.h"
#include "roles/exit_code.h"
#include "roles/verbs.h"

namespace halton::roles {
namespace {

// The ports in force: the file's where it says something, else the configured ones. Read again at
// most once a second: after a restart the daemon may live elsewhere.
class PortsInForce {
public:
    PortsInForce(std::optional<platform::Home> home, const config::Config& config)
        : home_(std::move(home)) {
        configured_.edge_port = config.edge_port;
        configured_.internal_port = config.internal_port;
        configured_.api_port = config.api_port;
        now_ = configured_;
    }

    const config::EffectivePorts& get() {
        const auto time = std::chrono::steady_clock::now();
        if (home_ && time >= read_again_at_) {
            read_again_at_ = time + std::chrono::milliseconds(200);
            now_ = configured_;
            if (const auto file = platform::read_ports(*home_)) {
                if (file->internal_port) now_.internal_port = file->internal_port;
                if (file->api_port) now_.api_port = file->api_port;
            }
            now_.edge_port = configured_.edge_port;
        }
        return now_;
    }

    void set_edge_port(std::uint16_t port) { now_.edge_port = configured_.edge_port = port; }

private:
    std::optional<platform::Home> home_;
    config::EffectivePorts configured_;
    config::EffectivePorts now_;
    std::chrono::steady_clock::time_point read_again_at_{};
};

// The sockets that tools connect to, and where they come from.
struct Entrance {
    std::vector<net::Listener> listeners;
    bool is_given = false;                  // the supervisor has them too, and keeps the port
    std::optional<net::Handover> handover;  // from the edge that ran until now
};

std::vector<net::Listener> adopt_given(asio::io_context& io) {
    std::vector<net::Listener> listeners;
    for (auto& given : platform::take_given_sockets("edge")) {
        auto listener = net::Listener::adopt(io.get_executor(), std::move(given.socket));
        if (listener)
            listeners.push_back(std::move(*listener));
        else
            log_event(LogLevel::warn, "edge.given_socket_ignored",
                      {{"name", given.name}, {"error", to_text(listener.error())}});
    }
    return listeners;
}

asio::awaitable<void> ask_into(std::optional<Result<net::Handover>>& answer, asio::io_context& io,
                               const platform::Home& home, std::uint16_t port) {
    answer.emplace(co_await net::Handover::ask(io, home, platform::own_uid(), port));
}

Result<Entrance> open_entrance(asio::io_context& io, const std::optional<platform::Home>& home,
                               std::uint16_t port, bool is_replacing) {
    Entrance entrance;
    entrance.listeners = adopt_given(io);
    entrance.is_given = !entrance.listeners.empty();
    if (entrance.is_given) return entrance;
    // The edge port never falls back by itself: it is baked into environments.
    auto listener = net::Listener::bind(io.get_executor(), port, 0);
    if (!listener && listener.error().kind == ErrorKind::busy && is_replacing && home) {
        std::optional<Result<net::Handover>> answer;
        net::TaskGroup group(io.get_executor());
        group.spawn("handover", ask_into(answer, io, *home, port));
        io.run();
        io.restart();
        // Without an edge of ours there the port is somebody else's.
        if (*answer) {
            entrance.handover.emplace(std::move(**answer));
            listener = net::Listener::adopt(io.get_executor(), entrance.handover->take_listener());
        } else if (answer->error().kind != ErrorKind::not_found) {
            return fail(answer->error());
        }
    }
    if (!listener) return fail(listener.error());
    entrance.listeners.push_back(std::move(*listener));
    return entrance;
}

void write_ports(const platform::Home& home, std::uint16_t port) {
    const auto merged = platform::make_home(home).and_then([&] {
        return platform::merge_ports(home, {.edge_port = port, .edge_pid = platform::own_pid()});
    });
    if (!merged)
        log_event(LogLevel::warn, "edge.ports_not_written", {{"error", to_text(merged.error())}});
}

// What runs, and how it ends.
struct Edge {
    asio::io_context& io;
    net::Shuttle& shuttle;
    std::vector<net::Listener>& listeners;
    std::chrono::seconds drain_max;
    bool drains_in_child;
    net::TaskGroup connections{io.get_executor()};  // until they are tunnels
    net::TaskGroup background{io.get_executor()};
    std::optional<net::HandoverOffer> offer{};
    bool is_child = false;

    std::size_t count() const { return connections.size() + shuttle.count(); }
    bool has_room(const Limits& limits) const;
    void leave_port();
    asio::awaitable<void> hand_over(bool is_given);
    asio::awaitable<void> follow(net::Handover handover, const platform::Home& home);
    asio::awaitable<void> leave_to_child();
    asio::awaitable<void> drain(std::chrono::milliseconds limit);
    asio::awaitable<void> end();
};

bool Edge::has_room(const Limits& limits) const {
    return count() < limits.connection_count_max &&
           limits::reserved_descriptor_count +
                   connections.size() * limits::opening_descriptor_count +
                   shuttle.count() * limits::tunnel_descriptor_count <
               platform::descriptor_limit();
}

void Edge::leave_port() {
    for (auto& listener : listeners) listener.close();
    if (offer) offer->close();
}

// Waits for a new edge that wants the port; then this one only finishes what it has.
asio::awaitable<void> Edge::hand_over(bool is_given) {
    net::HandoverOffer::Port port;
    port.descriptor = listeners.front().descriptor();
    if (is_given) port.why_not = "its supervisor holds the port: restart its service instead";
    port.stop_accepting = [this] { listeners.front().pause(); };
    port.accept_again = [this] { listeners.front().resume(); };
    const bool is_over = co_await offer->serve(std::move(port));
    if (!is_over) co_return;
    leave_port();
    log_event(LogLevel::info, "edge.handed_over", {{"tunnels", count()}});
    co_await drain(drain_max);
    co_await end();
}

// Becomes the edge of this home, with the port of the one before.
asio::awaitable<void> Edge::follow(net::Handover handover, const platform::Home& home) {
    auto agreed = co_await handover.confirm();
    if (agreed) {
        asio::steady_timer timer(io, limits::handover_settle);
        co_await timer.async_wait(asio::use_awaitable);
        // Before the old one leaves: whoever asks next finds somebody.
        auto mine = net::HandoverOffer::listen(io, home, platform::own_uid());
        if (mine) offer.emplace(std::move(*mine));
        agreed = co_await handover.settle();
    }
    if (agreed) {
        write_ports(home, listeners.front().port());
        log_event(LogLevel::info, "edge.took_over");
        if (offer) background.spawn("handover", hand_over(false));
        co_return;
    }
    log_event(LogLevel::error, "edge.handover.failed", {{"error", to_text(agreed.error())}});
    leave_port();
    co_await drain(drain_max);
    co_await end();
}

// The supervisor sees this process end and may start the next one, while a copy serves the tunnels.
asio::awaitable<void> Edge::leave_to_child() {
    leave_port();
    auto limit = std::chrono::milliseconds(drain_max);
    if (count() > 0) {
        shuttle.pause();
        const auto child = net::continue_in_child(io);
        is_child = child.has_value();
        if (const auto resumed = shuttle.resume(); !resumed)
            log_event(LogLevel::error, "edge.drain.cut", {{"error", to_text(resumed.error())}});
        if (!child) limit = Limits{}.drain;
        log_event(LogLevel::info, "edge.drain.begin",
                  {{"pid", platform::own_pid()},
                   {"tunnels", count()},
                   {"in_child", is_child},
                   {"error", child ? std::string() : to_text(child.error())}});
    }
    co_await drain(limit);
    co_await end();
}

asio::awaitable<void> Edge::drain(std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    asio::steady_timer tick(io);
    while (count() > 0 && std::chrono::steady_clock::now() < until) {
        tick.expires_after(std::chrono::milliseconds(100));
        co_await tick.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> Edge::end() {
    leave_port();
    shuttle.interrupt_all();
    connections.cancel_all();
    co_await connections.join(std::chrono::seconds(1));
    io.stop();
}

}  // namespace

int run_edge(int argc, char** argv) {
    cxxopts::Options options("halton-meter edge",
                             "Owns the proxy port of your tools: passes connections on to the "
                             "daemon, or tunnels them untouched when it is away.\n");
    options.add_options()("port", "listen on this port instead of the configured one",
                          cxxopts::value<std::uint16_t>())(
        "replace",
        "take the port over from the edge that runs now, if one does; "
        "that one serves its tunnels to their end")(
        "drain-in-child",
        "on SIGTERM end at once, and leave open tunnels to a child process: for "
        "supervisors")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags); done) return *done;

    platform::prepare_role_process();
    std::optional<platform::Home> home;
    if (auto found = platform::find_home()) home = std::move(*found);
    const auto parsed = home ? platform::read_config(*home) : config::ParsedConfig{};
    const config::Config& config = parsed.config;
    for (const auto& warning : parsed.warnings)
        log_event(LogLevel::warn, "config.ignored", {{"what", warning}});

    Limits limits;
    limits.health_ttl_healthy = config.edge_health_ttl;
    asio::io_context io(1);
    // First of all: one that comes while we start is not lost, and kills nobody.
    asio::signal_set signals(io, SIGTERM, SIGINT);
    PortsInForce ports(home, config);

    const auto wanted =
        flags.count("port") > 0 ? flags["port"].as<std::uint16_t>() : config.edge_port;
    auto entrance = open_entrance(io, home, wanted, flags.count("replace") > 0);
    if (!entrance) {
        std::fprintf(stderr, "%s. Type: halton-meter doctor\n", entrance.error().context.c_str());
        return exit_failed;
    }
    const std::uint16_t port = entrance->listeners.front().port();
    ports.set_edge_port(port);
    // The one before may still take the port back: then its number holds.
    if (home && !entrance->handover) write_ports(*home, port);

    auto shuttle = net::Shuttle::make(io, limits.idle);
    if (!shuttle) {
        std::fprintf(stderr, "%s\n", shuttle.error().context.c_str());
        return exit_failed;
    }
    const auto is_own = [&ports](const asio::ip::address& address, std::uint16_t number) {
        const auto& own = ports.get();
        if (number != own.edge_port && number != own.internal_port && number != own.api_port)
            return false;
        return platform::is_own_address(address.to_string());
    };
    net::Dialer dialer(io, config, limits, is_own);
    Edge edge{io, **shuttle, entrance->listeners, config.drain_max,
              flags.count("drain-in-child") > 0};
    proxy::HealthCache health(io, edge.background, limits, [&]() -> asio::awaitable<bool> {
        const auto status =
            co_await net::probe_http_status(io, ports.get().api_port, "/health", limits.probe);
        if (!status || *status != 200) co_return false;
        // Another user could sit on the port while our daemon is away, and be offered calls.
        const auto uid = platform::find_listener_uid(ports.get().api_port);
        co_return !uid || *uid == platform::own_uid();
    });
    proxy::EdgeCounts counts;
    proxy::EdgeServices services{
        io, limits, dialer, **shuttle, health, [&ports] { return ports.get(); }, &counts};

    for (auto& listener : entrance->listeners)
        edge.background.spawn(
            "edge listener",
            listener.serve([&] { return edge.has_room(limits); },
                           [&](asio::ip::tcp::socket socket) {
                               edge.connections.spawn(
                                   "edge connection",
                                   proxy::serve_edge_connection(
                                       net::TcpStream(std::move(socket), Leg::client), services));
                           }));
    if (entrance->handover) {
        edge.background.spawn("handover", edge.follow(std::move(*entrance->handover), *home));
    } else if (home) {
        auto offer = net::HandoverOffer::listen(io, *home, platform::own_uid());
        if (offer) {
            edge.offer.emplace(std::move(*offer));
            edge.background.spawn("handover", edge.hand_over(entrance->is_given));
        } else {
            log_event(LogLevel::info, "edge.handover.unavailable",
                      {{"error", to_text(offer.error())}});
        }
    }
    log_event(LogLevel::info, "edge.startup.ready",
              {{"port", int{port}},
               {"version", version()},
               {"given", entrance->is_given},
               {"pid", platform::own_pid()}});
    if (home)
        edge.background.spawn("own log", net::every(limits::log_look_pause, [&home] {
                                  (void)platform::rotate_own_log(
                                      2, home->log_file("edge"), limits::log_bytes_max,
                                      limits::log_backup_count);
                              }));
    platform::tell_supervisor("READY=1");

    net::TaskGroup supervisor(io.get_executor());
    std::function<void()> wait_for_signal = [&] {
        signals.async_wait([&](std::error_code error, int number) {
            if (error) return;
            const bool is_to_go_on = number == SIGTERM && edge.drains_in_child && !edge.is_child;
            supervisor.spawn("shutdown", is_to_go_on ? edge.leave_to_child() : edge.end());
            wait_for_signal();
        });
    };
    wait_for_signal();
    net::run_loop(io);
    log_event(LogLevel::info, "edge.exit", {{"pid", platform::own_pid()}});
    return exit_done;
}

}  // namespace halton::roles
