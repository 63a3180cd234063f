#include "net/listener.h"

#include <new>

#include <asio/experimental/as_tuple.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include "base/limits.h"
#include "base/log.h"
#include "net/tcp_stream.h"
#include "platform/unix_socket.h"

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

Result<Listener> Listener::adopt(const asio::any_io_executor& executor, platform::Socket socket) {
    const auto facts = platform::look_at_listener(socket.descriptor());
    if (!facts) return fail(facts.error());
    tcp::acceptor acceptor(executor);
    std::error_code error;
    acceptor.assign(facts->is_v6 ? tcp::v6() : tcp::v4(), socket.descriptor(), error);
    if (error) return fail(ErrorKind::io, "cannot take the given socket: " + error.message());
    socket.release();
    return Listener(std::move(acceptor), facts->port);
}

asio::awaitable<void> Listener::serve(std::function<bool()> has_room,
                                      std::function<void(tcp::socket)> on_connection) {
    asio::steady_timer pause(acceptor_.get_executor());
    bool is_warned = false;
    while (acceptor_.is_open()) {
        // A cancellation in the moment of a pause would find nothing to end. Asked without
        // is_cancelled(): its frame may find no memory, and that must not end the port.
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) co_return;
        if (!is_paused_ && has_room()) {
            std::string trouble;
            bool is_cancelled = false;
            try {
                auto [error, socket] = co_await acceptor_.async_accept(
                    asio::experimental::as_tuple(asio::use_awaitable));
                if (!error) on_connection(std::move(socket));
                is_cancelled = error == asio::error::operation_aborted;
                if (error && error != asio::error::connection_aborted) trouble = error.message();
            } catch (const std::bad_alloc&) {
                // That connection is lost; the port is not.
                trouble = "out of memory";
            }
            // By a pause, which may be over already, or by what is looked at above.
            if (is_cancelled) continue;
            if (trouble.empty()) {
                is_warned = false;
                continue;
            }
            if (!is_warned)
                log_event(LogLevel::warn, "listener.accept_paused",
                          {{"port", int{port_}}, {"reason", trouble}});
            is_warned = true;
        }
        // Connections queue in the kernel meanwhile; nobody is refused.
        pause.expires_after(limits::accept_pause);
        auto [error] = co_await pause.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        if (error) co_return;
    }
}

void Listener::pause() {
    is_paused_ = true;
    std::error_code ignored;
    acceptor_.cancel(ignored);
}

void Listener::close() {
    std::error_code ignored;
    acceptor_.close(ignored);
}

}  // namespace halton::net
