// What the daemon does about the system proxy of full mode: on again once it is healthy, off when
// the supervisor ends it (logout, reboot, stop). Both only while the sentinel `proxy-managed` says
// that the setting is ours. On a worker of its own: tools of the system may be slow.
// Owner: the daemon; I/O thread. Fails: never; what did not work is logged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include "net/blocking.h"
#include "platform/home.h"

namespace halton::roles {

bool is_proxy_managed(const platform::Home& home);

class ProxyNets {
public:
    ProxyNets(asio::io_context& io, platform::Home home) : io_(io), home_(std::move(home)) {}

    // Asks our own /health until it answers 200: before that the proxy would lead browsers to
    // nobody. Gives up after limits::proxy_on_wait.
    asio::awaitable<void> switch_on_when_healthy(std::uint16_t api_port, std::uint16_t edge_port);

    // Begins at once, beside the draining of calls: the edge serves both ways meanwhile.
    void begin_switch_off();
    // Until that is done, at most limits::system_proxy_time; then no thread of ours is left. No thread of this is left then: the
    // daemon may split off a child.
    asio::awaitable<void> await_switch_off();

private:
    net::Blocking& worker();

    asio::io_context& io_;
    platform::Home home_;
    bool is_ending_ = false;
    std::unique_ptr<net::Blocking> worker_;  // only where there is something to do
    std::optional<net::Blocking::Pending<bool>> switching_off_;
};

}  // namespace halton::roles
