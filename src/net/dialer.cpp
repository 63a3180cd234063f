#include "net/dialer.h"

#include <list>

#include <asio/experimental/as_tuple.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "base/text.h"
#include "net/task_group.h"

namespace halton::net {
namespace {

using asio::ip::tcp;

// Happy Eyeballs (RFC 8305 section 5): attempts start one after the other, the first that stands
// wins, the others are closed. Lives until the last callback has run.
class Race : public std::enable_shared_from_this<Race> {
public:
    Race(asio::io_context& io, std::vector<tcp::endpoint> addresses, Milliseconds delay)
        : io_(io), addresses_(std::move(addresses)), delay_(delay), next_start_(io), ended_(io) {}

    asio::awaitable<Result<tcp::socket>> run(Milliseconds limit) {
        start_next();
        if (!is_over()) {
            ended_.expires_after(limit);
            co_await ended_.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
            if (!is_over()) {
                const bool is_given_up = co_await is_cancelled();
                error_ = is_given_up ? std::error_code(asio::error::operation_aborted)
                                     : std::make_error_code(std::errc::timed_out);
            }
        }
        close_losers();
        if (winner_) co_return std::move(*winner_);
        co_return fail(to_error_kind(error_), error_.message(), Leg::upstream);
    }

private:
    bool is_over() const { return winner_ || (running_ == 0 && started_ == addresses_.size()); }

    void start_next() {
        if (started_ == addresses_.size() || is_closed_) return;
        const tcp::endpoint address = addresses_[started_++];
        ++running_;
        auto& socket = sockets_.emplace_back(io_);
        socket.async_connect(address, [self = shared_from_this(), &socket](std::error_code code) {
            self->on_connected(socket, code);
        });
        if (started_ == addresses_.size()) return;
        next_start_.expires_after(delay_);
        next_start_.async_wait([self = shared_from_this()](std::error_code code) {
            if (!code) self->start_next();
        });
    }

    void on_connected(tcp::socket& socket, std::error_code code) {
        --running_;
        if (is_closed_) return;
        if (!code && !winner_) {
            winner_ = std::move(socket);
        } else if (code) {
            error_ = code;
            next_start_.cancel();
            start_next();  // no reason to wait once this one has failed
        }
        if (is_over()) ended_.cancel();
    }

    void close_losers() {
        is_closed_ = true;
        next_start_.cancel();
        std::error_code ignored;
        for (auto& socket : sockets_) socket.close(ignored);
    }

    asio::io_context& io_;
    std::vector<tcp::endpoint> addresses_;
    Milliseconds delay_;
    asio::steady_timer next_start_;
    asio::steady_timer ended_;
    std::list<tcp::socket> sockets_;
    std::optional<tcp::socket> winner_;
    std::error_code error_ = asio::error::host_unreachable;
    std::size_t started_ = 0;
    std::size_t running_ = 0;
    bool is_closed_ = false;
};

}  // namespace

bool is_bypassed(const std::vector<std::string>& bypass, std::string_view host) {
    for (std::string_view entry : bypass) {
        if (entry == "*") return true;
        if (entry.starts_with('.')) entry.remove_prefix(1);
        if (entry.empty() || host.size() < entry.size()) continue;
        if (!is_equal_ignoring_case(host.substr(host.size() - entry.size()), entry)) continue;
        if (host.size() == entry.size() || host[host.size() - entry.size() - 1] == '.') return true;
    }
    return false;
}

Dialer::Dialer(asio::io_context& io, const config::Config& config, const Limits& limits,
               std::function<bool(const asio::ip::address&, std::uint16_t)> is_own)
    : io_(io), config_(config), limits_(limits), is_own_(std::move(is_own)), resolver_(io) {}

Dialer::~Dialer() = default;

http::Target Dialer::redirected(http::Target target) const {
    for (const auto& entry : config_.connect_to)
        if (entry.port == target.port && entry.host == target.host)
            return {entry.to_host, entry.to_port, false};
    return target;
}

bool Dialer::uses_proxy(const http::Target& target) const {
    if (!config_.has_upstream_proxy) return false;
    // The corporate proxy knows the world outside; this machine is not part of it, nor is nobody.
    if (is_nobody(target.host)) return false;
    if (target.host == "localhost" || target.host.ends_with(".localhost")) return false;
    std::error_code not_literal;
    const auto literal = asio::ip::make_address(target.host, not_literal);
    if (!not_literal && literal.is_loopback()) return false;
    return !is_bypassed(config_.upstream_proxy_bypass, target.host);
}

asio::awaitable<Result<TcpStream>> Dialer::dial(http::Target target) {
    target = redirected(std::move(target));
    if (uses_proxy(target)) co_return co_await connect_through_proxy(std::move(target));
    co_return co_await connect(std::move(target.host), target.port);
}

asio::awaitable<Result<Dialer::PlainRoute>> Dialer::dial_plain(http::Target target) {
    target = redirected(std::move(target));
    const bool is_proxy = uses_proxy(target);
    const auto& proxy = config_.upstream_proxy;
    // Not a conditional expression: gcc 12 destroys the winner of one with co_await in its arms.
    if (is_proxy) target = {proxy.host, proxy.port, false};
    auto stream = co_await connect(std::move(target.host), target.port);
    if (!stream) co_return fail(stream.error());
    co_return PlainRoute{std::move(*stream), is_proxy,
                         is_proxy ? proxy.authorization : std::string()};
}

asio::awaitable<Result<TcpStream>> Dialer::connect(std::string host, std::uint16_t port) {
    auto addresses = co_await resolver_.resolve(host, limits_.resolve);
    if (!addresses) co_return fail(addresses.error());
    std::vector<tcp::endpoint> endpoints;
    for (const auto& address : *addresses) {
        if (is_own_(address, port))
            co_return fail(ErrorKind::permission,
                           host + " port " + std::to_string(port) + " is halton-meter itself");
        endpoints.emplace_back(address, port);
    }
    const auto race =
        std::make_shared<Race>(io_, std::move(endpoints), limits_.connection_attempt_delay);
    auto socket = co_await race->run(limits_.connect);
    if (!socket) {
        Error error = std::move(socket.error());
        error.context = "connect to " + host + ':' + std::to_string(port) + ": " + error.context;
        co_return fail(std::move(error));
    }
    co_return TcpStream(std::move(*socket), Leg::upstream);
}

asio::awaitable<Result<TcpStream>> Dialer::connect_through_proxy(http::Target target) {
    const auto& proxy = config_.upstream_proxy;
    auto stream = co_await connect(proxy.host, proxy.port);
    if (!stream) co_return fail(stream.error());
    const std::string authority = http::to_text(target);
    std::string head = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
    if (!proxy.authorization.empty())
        head += "Proxy-Authorization: " + proxy.authorization + "\r\n";
    head += "\r\n";
    const auto sent = co_await stream->write_all(head, limits_.connect);
    if (!sent) co_return fail(sent.error());

    // Byte by byte past the head: what follows belongs to the tunnel. A server that speaks first
    // is rare, so the answer nearly always ends with its head.
    std::string answer;
    std::size_t scanned = 0;
    for (;;) {
        const auto more = co_await stream->read_more(answer, 1, limits_.connect);
        if (!more) co_return fail(more.error());
        if (http::find_head_end(answer, scanned) > 0) break;
        if (answer.size() >= limits::head_bytes_max)
            co_return fail(ErrorKind::too_large, "answer of the upstream proxy", Leg::upstream);
    }
    const auto parsed = http::parse_response_head(answer);
    if (!parsed) co_return fail(parsed.error().kind, "answer of the upstream proxy", Leg::upstream);
    if (parsed->status / 100 != 2)
        co_return fail(ErrorKind::unsupported,
                       "the upstream proxy answered " + std::to_string(parsed->status),
                       Leg::upstream);
    co_return std::move(*stream);
}

}  // namespace halton::net
