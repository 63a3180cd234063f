// The edge: owns the user-facing port, chains to the daemon or tunnels, never decrypts.
// Starts without config, CA, database or daemon, and outlives them all.
#include <cstdio>

#include <asio/signal_set.hpp>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/log.h"
#include "base/version.h"
#include "net/dialer.h"
#include "net/http_probe.h"
#include "net/listener.h"
#include "net/shuttle.h"
#include "net/task_group.h"
#include "platform/home.h"
#include "platform/network.h"
#include "platform/process.h"
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

}  // namespace

int run_edge(int argc, char** argv) {
    cxxopts::Options options("halton-meter edge",
                             "Owns the proxy port of your tools: passes connections on to the "
                             "daemon, or tunnels them untouched when it is away.\n");
    options.add_options()("port", "listen on this port instead of the configured one",
                          cxxopts::value<std::uint16_t>())("h,help", "print this help");
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
    PortsInForce ports(home, config);

    // The edge port never falls back by itself: it is baked into environments.
    const auto wanted =
        flags.count("port") > 0 ? flags["port"].as<std::uint16_t>() : config.edge_port;
    auto listener = net::Listener::bind(io.get_executor(), wanted, 0);
    if (!listener) {
        std::fprintf(stderr, "%s. Type: halton-meter doctor\n", listener.error().context.c_str());
        return exit_failed;
    }
    ports.set_edge_port(listener->port());
    if (home) {
        const auto merged =
            platform::make_home(*home).and_then([&] {
                return platform::merge_ports(
                    *home, {.edge_port = listener->port(), .edge_pid = platform::own_pid()});
            });
        if (!merged)
            log_event(LogLevel::warn, "edge.ports_not_written",
                      {{"error", to_text(merged.error())}});
    }

    auto shuttle = net::Shuttle::make(io, limits.idle);
    if (!shuttle) {
        std::fprintf(stderr, "%s\n", shuttle.error().context.c_str());
        return exit_failed;
    }
    const auto is_own = [&ports](const asio::ip::address& address, std::uint16_t port) {
        const auto& own = ports.get();
        if (port != own.edge_port && port != own.internal_port && port != own.api_port)
            return false;
        return platform::is_own_address(address.to_string());
    };
    net::Dialer dialer(io, config, limits, is_own);
    net::TaskGroup tasks(io.get_executor());
    proxy::HealthCache health(
        io, tasks, limits, [&]() -> asio::awaitable<bool> {
            const auto status = co_await net::probe_http_status(io, ports.get().api_port,
                                                                "/health", limits.probe);
            co_return status && *status == 200;
        });
    proxy::EdgeCounts counts;
    proxy::EdgeServices services{io,     limits, dialer, **shuttle, health,
                                 [&ports] { return ports.get(); }, &counts};

    tasks.spawn("edge listener",
                listener->serve(
                    [&] { return tasks.size() + (*shuttle)->count() < limits.connection_count_max; },
                    [&](asio::ip::tcp::socket socket) {
                        tasks.spawn("edge connection",
                                    proxy::serve_edge_connection(
                                        net::TcpStream(std::move(socket), Leg::client), services));
                    }));
    log_event(LogLevel::info, "edge.startup.ready",
              {{"port", int{listener->port()}}, {"version", version()}});

    asio::signal_set signals(io, SIGTERM, SIGINT);
    net::TaskGroup supervisor(io.get_executor());
    signals.async_wait([&](std::error_code error, int) {
        if (error) return;
        listener->close();
        (*shuttle)->interrupt_all();
        tasks.cancel_all();
        supervisor.spawn("shutdown", [](net::TaskGroup& group,
                                        asio::io_context& context) -> asio::awaitable<void> {
            co_await group.join(std::chrono::seconds(1));
            context.stop();
        }(tasks, io));
    });
    io.run();
    log_event(LogLevel::info, "edge.exit");
    return exit_done;
}

}  // namespace halton::roles
