// `watchdog`: the second net below the system proxy of full mode. Asks the daemon for its health
// and, when it is gone for five looks in a row, switches the proxy off where it leads to us. The
// daemon switches it on again at its next start. Ends at once where there is no proxy to switch.
#include <algorithm>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/log.h"
#include "base/version.h"
#include "net/http_probe.h"
#include "net/task_group.h"
#include "platform/home.h"
#include "platform/network.h"
#include "platform/system_proxy.h"
#include "roles/exit_code.h"
#include "roles/ports.h"
#include "roles/verbs.h"
#include "setup/watchdog_rule.h"

namespace halton::roles {
namespace {

// Looked up each time: a daemon that starts anew may live elsewhere.
std::uint16_t find_api_port() {
    const auto home = platform::find_home();
    if (!home) return config::Config{}.api_port;
    return find_ports(*home, platform::read_config(*home).config).api_port;
}

// Blocks; there is nothing else to do in this process.
bool switch_off() {
    const auto changes =
        platform::switch_proxy_off(platform::find_proxy_tools(), {find_edge_port()},
                                   platform::Whose::ours, limits::system_proxy_time);
    for (const auto& change : changes)
        log_event(change.has_worked ? LogLevel::warn : LogLevel::error,
                  change.has_worked ? "watchdog.switched_off" : "watchdog.failed",
                  {{"where", change.where}, {"by_hand", change.has_worked ? "" : change.by_hand}});
    return std::all_of(changes.begin(), changes.end(),
                       [](const auto& change) { return change.has_worked; });
}

asio::awaitable<void> watch(asio::io_context& io) {
    asio::steady_timer timer(io);
    setup::WatchdogState state;
    for (;;) {
        timer.expires_after(limits::watchdog_poll);
        co_await timer.async_wait(asio::use_awaitable);
        const auto status =
            co_await net::probe_http_status(io, find_api_port(), "/health", limits::watchdog_probe);
        const auto next = setup::step(state, status && *status == 200);
        state = next.state;
        if (next.action != setup::WatchdogAction::switch_proxy_off) continue;
        log_event(LogLevel::warn, "watchdog.daemon_gone");
        state = setup::after_action(state, switch_off());
    }
}

}  // namespace

int run_watchdog(int argc, char** argv) {
    cxxopts::Options options("halton-meter watchdog",
                             "Switches the system proxy off when the daemon is gone.\n");
    options.add_options()("h,help", "print this help");
    if (const auto done = parse_flags(options, argc, argv)) return *done;

    platform::prepare_role_process();
    if (!platform::find_proxy_tools().any()) {
        log_event(LogLevel::info, "watchdog.exit", {{"why", "no system proxy to switch here"}});
        return exit_done;
    }
    asio::io_context io(1);
    net::TaskGroup tasks(io.get_executor());
    tasks.spawn("watchdog", watch(io));
    log_event(LogLevel::info, "watchdog.startup.ready", {{"version", version()}});
    io.run();  // until SIGTERM, whose default is right: there is nothing to end in order
    return exit_done;
}

}  // namespace halton::roles
