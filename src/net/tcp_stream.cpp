#include "net/tcp_stream.h"

#include <cerrno>
#include <optional>

#include <sys/socket.h>

#include <asio/experimental/deferred.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

namespace halton::net {

ErrorKind to_error_kind(const std::error_code& code) {
    if (code == asio::error::operation_aborted) return ErrorKind::cancelled;
    if (code == asio::error::eof) return ErrorKind::closed;
    switch (code.value()) {
        case ECONNREFUSED: return ErrorKind::refused;
        case ECONNRESET:
        case EPIPE:
        case ECONNABORTED: return ErrorKind::reset;
        case ENETUNREACH:
        case EHOSTUNREACH:
        case ENETDOWN:
        case EADDRNOTAVAIL: return ErrorKind::unreachable;
        case ETIMEDOUT: return ErrorKind::timeout;
        case EACCES:
        case EPERM: return ErrorKind::permission;
        case EMFILE:
        case ENFILE:
        case ENOBUFS: return ErrorKind::busy;
        default: return ErrorKind::io;
    }
}

TcpStream::TcpStream(asio::ip::tcp::socket socket, Leg leg)
    : socket_(std::move(socket)), leg_(leg) {
    std::error_code ignored;  // a socket that died already fails at its first use
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.native_non_blocking(true, ignored);
}

Error TcpStream::failed(int error) const {
    const std::error_code code(error, std::system_category());
    return Error{to_error_kind(code), leg_, code.message()};
}

asio::awaitable<Result<void>> TcpStream::wait(asio::ip::tcp::socket::wait_type what,
                                              Milliseconds limit) {
    using asio::experimental::deferred;
    asio::steady_timer timer(socket_.get_executor(), limit);
    const auto [order, socket_code, timer_code] =
        co_await asio::experimental::make_parallel_group(socket_.async_wait(what, deferred),
                                                         timer.async_wait(deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (order[0] == 0) {
        if (socket_code) co_return fail(to_error_kind(socket_code), socket_code.message(), leg_);
        co_return Result<void>();
    }
    if (timer_code) co_return fail(ErrorKind::cancelled, {}, leg_);
    co_return fail(ErrorKind::timeout, "after " + std::to_string(limit.count()) + " ms", leg_);
}

asio::awaitable<Result<std::size_t>> TcpStream::read_some(std::span<char> buffer,
                                                          Milliseconds limit) {
    std::optional<Error> over;
    for (;;) {
        const auto count = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
        if (count > 0) co_return static_cast<std::size_t>(count);
        if (count == 0) co_return fail(ErrorKind::closed, "end of stream", leg_);
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            co_return fail(failed(errno));
        if (over) co_return fail(std::move(*over));
        auto ready = co_await wait(asio::ip::tcp::socket::wait_read, limit);
        if (ready) continue;
        // On a busy machine it was perhaps this thread that came late: bytes that are there count.
        if (ready.error().kind != ErrorKind::timeout) co_return fail(std::move(ready.error()));
        over = std::move(ready.error());
    }
}

asio::awaitable<Result<void>> TcpStream::read_more(std::string& text, std::size_t bytes_max,
                                                   Milliseconds limit) {
    const std::size_t before = text.size();
    text.resize(before + bytes_max);
    const auto count =
        co_await read_some(std::span<char>(text.data() + before, bytes_max), limit);
    text.resize(before + count.value_or(0));
    if (!count) co_return fail(count.error());
    co_return Result<void>();
}

asio::awaitable<Result<void>> TcpStream::write_all(std::string_view bytes, Milliseconds limit) {
    while (!bytes.empty()) {
        const auto count = ::send(socket_.native_handle(), bytes.data(), bytes.size(), 0);
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
            continue;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            co_return fail(failed(errno));
        const auto ready = co_await wait(asio::ip::tcp::socket::wait_write, limit);
        if (!ready) co_return fail(ready.error());
    }
    co_return Result<void>();
}

bool TcpStream::has_peer_gone() {
    char byte = 0;
    const auto count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void TcpStream::shutdown_write() {
    std::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

platform::Socket TcpStream::release() {
    std::error_code error;
    const int descriptor = socket_.release(error);
    return platform::Socket(error ? -1 : descriptor);
}

asio::ip::tcp::endpoint TcpStream::local_address() const {
    std::error_code ignored;
    return socket_.local_endpoint(ignored);
}

asio::ip::tcp::endpoint TcpStream::remote_address() const {
    std::error_code ignored;
    return socket_.remote_endpoint(ignored);
}

}  // namespace halton::net
