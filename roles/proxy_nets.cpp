#include "roles/proxy_nets.h"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "base/limits.h"
#include "base/log.h"
#include "net/http_probe.h"
#include "platform/files.h"
#include "platform/system_proxy.h"
#include "roles/ports.h"

namespace halton::roles {
namespace {

void log_changes(std::string_view event, const std::vector<platform::ProxyChange>& changes) {
    for (const auto& change : changes) {
        if (change.has_worked)
            log_event(LogLevel::info, event, {{"where", change.where}});
        else
            log_event(LogLevel::warn, "proxy.failed",
                      {{"where", change.where}, {"by_hand", change.by_hand}});
    }
}

}  // namespace

bool is_proxy_managed(const platform::Home& home) {
    return platform::is_regular_file(home.directory / "proxy-managed");
}

net::Blocking& ProxyNets::worker() {
    if (!worker_) worker_ = std::make_unique<net::Blocking>(io_);
    return *worker_;
}

asio::awaitable<void> ProxyNets::switch_on_when_healthy(std::uint16_t api_port,
                                                        std::uint16_t edge_port) {
    if (edge_port == 0 || !is_proxy_managed(home_)) co_return;
    const auto until = std::chrono::steady_clock::now() + limits::proxy_on_wait;
    asio::steady_timer pause(io_);
    for (;;) {
        const auto status =
            co_await net::probe_http_status(io_, api_port, "/health", Limits{}.probe);
        if (status && *status == 200) break;
        if (std::chrono::steady_clock::now() > until) co_return;
        pause.expires_after(limits::proxy_on_poll);
        co_await pause.async_wait(asio::use_awaitable);
    }
    if (is_ending_) co_return;
    (void)worker().start<bool>([edge_port] {
        log_changes("proxy.switched_on",
                    platform::switch_proxy_on(platform::find_proxy_tools(), edge_port,
                                              limits::system_proxy_time));
        return true;
    });
}

void ProxyNets::begin_switch_off() {
    is_ending_ = true;
    if (switching_off_ || !is_proxy_managed(home_)) return;
    auto pending = worker().start<bool>([] {
        log_changes("proxy.switched_off",
                    platform::switch_proxy_off(platform::find_proxy_tools(), {find_edge_port()},
                                               platform::Whose::ours, limits::system_proxy_time));
        return true;
    });
    if (pending) switching_off_ = std::move(*pending);
}

asio::awaitable<void> ProxyNets::await_switch_off() {
    if (switching_off_) (void)co_await switching_off_->wait(limits::system_proxy_time);
    switching_off_.reset();
    worker_.reset();
}

}  // namespace halton::roles
