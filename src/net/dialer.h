// Dialer: opens the way to an upstream: connect_to, a corporate proxy, name look-up, Happy Eyeballs.
// Ignores every proxy variable of the environment: only the config counts, or we would dial
// ourselves. Owner: the role. Thread: the I/O thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include "base/limits.h"
#include "config/config.h"
#include "http/head.h"
#include "net/resolver.h"
#include "net/tcp_stream.h"

namespace halton::net {

class Dialer {
public:
    // `is_own` says whether an address and port is one of our own listeners: those are refused, or
    // a connection would chase itself.
    Dialer(asio::io_context& io, const config::Config& config, const Limits& limits,
           std::function<bool(const asio::ip::address&, std::uint16_t)> is_own);
    ~Dialer();

    // A connection on which the first byte goes to `target`, within Limits::connect for each step.
    // Errors (leg upstream): dns, refused, unreachable, timeout, reset; permission: the target is
    // one of our own ports; unsupported: the corporate proxy declined (its status in the context).
    asio::awaitable<Result<TcpStream>> dial(http::Target target);

    // For plain-HTTP requests: a connection to the target itself, or to the corporate proxy, which
    // then wants the absolute form.
    struct PlainRoute {
        TcpStream stream;
        bool is_proxy = false;
        std::string proxy_authorization;  // header value, or empty
    };
    asio::awaitable<Result<PlainRoute>> dial_plain(http::Target target);

private:
    bool uses_proxy(const http::Target& target) const;
    asio::awaitable<Result<TcpStream>> connect(std::string host, std::uint16_t port);
    asio::awaitable<Result<TcpStream>> connect_through_proxy(http::Target target);
    http::Target redirected(http::Target target) const;

    asio::io_context& io_;
    const config::Config& config_;
    const Limits& limits_;
    std::function<bool(const asio::ip::address&, std::uint16_t)> is_own_;
    Resolver resolver_;
};

// Whether a no_proxy list ("*", "example.com", ".example.com", "10.0.0.1") covers the host. Pure.
bool is_bypassed(const std::vector<std::string>& bypass, std::string_view host);

}  // namespace halton::net
