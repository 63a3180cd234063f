#include "net/http_probe.h"

#include <asio/experimental/deferred.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "base/limits.h"
#include "http/head.h"

namespace halton::net {

using asio::ip::tcp;

asio::awaitable<Result<TcpStream>> connect_loopback(asio::io_context& io, std::uint16_t port,
                                                    Milliseconds limit, Leg leg) {
    using asio::experimental::deferred;
    tcp::socket socket(io);
    asio::steady_timer timer(io, limit);
    const tcp::endpoint address(asio::ip::address_v4::loopback(), port);
    const auto [order, code, timer_code] =
        co_await asio::experimental::make_parallel_group(socket.async_connect(address, deferred),
                                                         timer.async_wait(deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (order[0] != 0) {
        const auto kind = timer_code ? ErrorKind::cancelled : ErrorKind::timeout;
        co_return fail(kind, "connect to port " + std::to_string(port), leg);
    }
    if (code) co_return fail(to_error_kind(code), code.message(), leg);
    co_return TcpStream(std::move(socket), leg);
}

asio::awaitable<Result<int>> probe_http_status(asio::io_context& io, std::uint16_t port,
                                               std::string path, Milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    const auto left = [until] {
        return std::max(Milliseconds(1), std::chrono::ceil<Milliseconds>(
                                             until - std::chrono::steady_clock::now()));
    };
    auto stream = co_await connect_loopback(io, port, limit, Leg::daemon);
    if (!stream) co_return fail(stream.error());
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" +
                                std::to_string(port) + "\r\nConnection: close\r\n\r\n";
    const auto sent = co_await stream->write_all(request, left());
    if (!sent) co_return fail(sent.error());
    std::string answer;
    std::size_t scanned = 0;
    std::size_t end = 0;
    while ((end = http::find_head_end(answer, scanned)) == 0) {
        if (answer.size() > limits::head_bytes_max)
            co_return fail(ErrorKind::too_large, "health answer", Leg::daemon);
        const auto more = co_await stream->read_more(answer, 1024, left());
        if (!more) co_return fail(more.error());
    }
    const auto head = http::parse_response_head(std::string_view(answer).substr(0, end));
    if (!head) co_return fail(head.error());
    co_return head->status;
}

}  // namespace halton::net
