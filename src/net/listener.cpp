#include "net/listener.h"

#include <asio/experimental/as_tuple.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "base/limits.h"
#include "base/log.h"
#include "net/tcp_stream.h"

namespace halton::net {

using asio::ip::tcp;

Result<Listener> Listener::bind(const asio::any_io_executor& executor, std::uint16_t port,
                                int fallback_count) {
    std::error_code error;
    for (int offset = 0; offset <= fallback_count && port + offset <= 65535; ++offset) {
        const tcp::endpoint address(asio::ip::address_v4::loopback(),
                                    static_cast<std::uint16_t>(port + offset));
        tcp::acceptor acceptor(executor);
        acceptor.open(tcp::v4(), error);
        if (error) break;
        acceptor.set_option(tcp::acceptor::reuse_address(true), error);
        acceptor.bind(address, error);
        if (!error) acceptor.listen(limits::listen_backlog, error);
        if (!error) {
            const auto bound = acceptor.local_endpoint(error).port();
            return Listener(std::move(acceptor), bound);
        }
        if (error != asio::error::address_in_use) break;
    }
    const auto kind = error == asio::error::address_in_use ? ErrorKind::busy
                                                           : to_error_kind(error);
    return fail(kind, "cannot listen on 127.0.0.1:" + std::to_string(port) + ": " +
                          error.message());
}

asio::awaitable<void> Listener::serve(std::function<bool()> has_room,
                                      std::function<void(tcp::socket)> on_connection) {
    asio::steady_timer pause(acceptor_.get_executor());
    bool is_warned = false;
    while (acceptor_.is_open()) {
        if (has_room()) {
            auto [error, socket] = co_await acceptor_.async_accept(
                asio::experimental::as_tuple(asio::use_awaitable));
            if (!error) {
                is_warned = false;
                on_connection(std::move(socket));
                continue;
            }
            if (error == asio::error::operation_aborted) co_return;
            if (error == asio::error::connection_aborted) continue;
            if (!is_warned)
                log_event(LogLevel::warn, "listener.accept_paused",
                          {{"port", int{port_}}, {"reason", error.message()}});
            is_warned = true;
        }
        // Connections queue in the kernel meanwhile; nobody is refused.
        pause.expires_after(limits::accept_pause);
        auto [error] = co_await pause.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        if (error) co_return;
    }
}

void Listener::close() {
    std::error_code ignored;
    acceptor_.close(ignored);
}

}  // namespace halton::net
