#include "proxy/edge_connection.h"

#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "net/raw_duplex.h"
#include "platform/process.h"
#include "proxy/chain.h"
#include "proxy/chain_protocol.h"
#include "proxy/plain_http.h"

namespace halton::proxy {
namespace {

using net::Milliseconds;
using net::RawDuplex;
using net::TcpStream;

using Tunnel = std::unique_ptr<RawDuplex>;

// A 4xx or 5xx of our own. The client may still be sending: it gets the answer, then the end.
asio::awaitable<Tunnel> refuse(std::unique_ptr<TcpStream> client, int status,
                               std::string_view phrase, std::string_view reason, std::string body,
                               const Limits& limits) {
    log_event(LogLevel::info, "edge.refused", {{"status", status}, {"reason", reason}});
    const auto sent = co_await client->write_all(
        http::make_error_response(status, phrase, reason, body), limits.first_head);
    if (!sent) co_return nullptr;
    client->shutdown_write();
    // Unread bytes at close would reset the connection and could overtake the answer.
    std::string rest;
    while (rest.size() < limits::head_bytes_max) {
        const auto more = co_await client->read_more(rest, 16 * 1024, limits.probe);
        if (!more) break;
    }
    co_return nullptr;
}

// What the edge tells about itself, with a fresh look at the daemon.
asio::awaitable<Tunnel> answer_health(std::unique_ptr<TcpStream> client, EdgeServices& services) {
    const bool is_healthy = co_await services.health.is_healthy();
    services.counts->note_health(is_healthy, system_clock().now_utc());
    const auto ports = services.ports();
    const auto json = services.counts->to_json(
        {version(), platform::own_pid(), ports.edge_port, ports.internal_port});
    const auto response = make_health_response(json);
    const auto sent = co_await client->write_all(response, services.limits.first_head);
    if (sent) client->shutdown_write();
    co_return nullptr;
}

void note_passed(EdgeServices& services, EdgePass why) {
    if (services.counts) services.counts->note_passed(why);
}

bool is_loopback_name(const http::Target& target) {
    if (target.host == "localhost" || target.host.ends_with(".localhost")) return true;
    std::error_code not_literal;
    const auto address = asio::ip::make_address(target.host, not_literal);
    if (not_literal) return false;
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
    return address.is_loopback() || address.is_unspecified();
}

struct DialRefusal {
    int status;
    std::string_view phrase;
    std::string_view reason;
};

DialRefusal refusal_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::permission: return {403, "Forbidden", "own-port"};
        case ErrorKind::dns: return {502, "Bad Gateway", "upstream-dns"};
        case ErrorKind::timeout: return {504, "Gateway Timeout", "upstream-timeout"};
        case ErrorKind::refused: return {502, "Bad Gateway", "upstream-refused"};
        case ErrorKind::unsupported: return {502, "Bad Gateway", "upstream-proxy"};
        default: return {502, "Bad Gateway", "upstream-unreachable"};
    }
}

asio::awaitable<Tunnel> refuse_dial(std::unique_ptr<TcpStream> client, const Error& error,
                                    const Limits& limits) {
    const auto refusal = refusal_of(error.kind);
    std::string body = error.context + ".\n";
    if (error.kind == ErrorKind::unsupported)
        body += "Check [upstream] proxy in ~/.halton-meter/config.toml.\n";
    if (error.kind == ErrorKind::permission)
        body += "A tool must not use the proxy to reach the proxy: add 127.0.0.1 to NO_PROXY.\n";
    co_return co_await refuse(std::move(client), refusal.status, refusal.phrase, refusal.reason,
                              std::move(body), limits);
}

asio::awaitable<Tunnel> open_direct(std::unique_ptr<TcpStream> client, http::Target target,
                                    std::string first_flight, bool is_established,
                                    EdgeServices& services) {
    auto upstream = co_await services.dialer.dial(std::move(target));
    if (!upstream) {
        if (is_established) co_return nullptr;  // too late for words
        co_return co_await refuse_dial(std::move(client), upstream.error(), services.limits);
    }
    if (!is_established) {
        // Only now, with the connection standing.
        const auto told =
            co_await client->write_all(chain_protocol::taken, services.limits.first_head);
        if (!told) co_return nullptr;
    }
    auto tunnel = std::make_unique<RawDuplex>(client->release(), upstream->release());
    tunnel->preload_to_upstream(first_flight);
    co_return tunnel;
}

asio::awaitable<Tunnel> open_tunnel(std::unique_ptr<TcpStream> client, http::Target target,
                                    std::string first_flight, EdgeServices& services) {
    // Loopback targets are somebody's local server: never the daemon's business.
    bool is_established = false;
    bool is_chained = !is_loopback_name(target);
    if (!is_chained) {
        note_passed(services, EdgePass::loopback);
    } else {
        is_chained = co_await services.health.is_healthy();
        if (services.counts)
            services.counts->note_health(is_chained, system_clock().now_utc());
        if (!is_chained) note_passed(services, EdgePass::daemon_down);
    }
    // Whoever ended before its first byte speaks no TLS. Mostly it is a dial that was cancelled
    // meanwhile: under load there are many, and each would cost the daemon two handshakes.
    if (is_chained && first_flight.empty()) is_chained = !client->has_peer_gone();
    if (is_chained) {
        auto outcome =
            co_await chain(std::move(client), target, std::move(first_flight), services);
        if (!outcome.client) co_return std::move(outcome.taken);
        client = std::move(outcome.client);
        first_flight = std::move(outcome.first_flight);
        is_established = outcome.is_established;
    }
    co_return co_await open_direct(std::move(client), std::move(target), std::move(first_flight),
                                   is_established, services);
}

asio::awaitable<Tunnel> open_plain(std::unique_ptr<TcpStream> client, http::RequestHead head,
                                   http::AbsoluteUri uri, std::string rest,
                                   EdgeServices& services) {
    auto route = co_await services.dialer.dial_plain(uri.target);
    if (!route)
        co_return co_await refuse_dial(std::move(client), route.error(), services.limits);
    note_passed(services, EdgePass::plain_http);
    auto tunnel = std::make_unique<RawDuplex>(client->release(), route->stream.release());
    tunnel->preload_to_upstream(
        rewrite_head(head, uri, route->is_proxy, route->proxy_authorization) + rest);
    co_return tunnel;
}

// Reads the head, decides, and opens the way; null when the connection has been dealt with.
asio::awaitable<Tunnel> open(TcpStream stream, EdgeServices& services) {
    const auto& limits = services.limits;
    auto client = std::make_unique<TcpStream>(std::move(stream));
    const auto until = std::chrono::steady_clock::now() + limits.first_head;
    std::string bytes;
    std::size_t scanned = 0;
    std::size_t end = 0;
    while ((end = http::find_head_end(bytes, scanned)) == 0) {
        if (bytes.size() >= limits::head_bytes_max)
            co_return co_await refuse(std::move(client), 431, "Request Header Fields Too Large",
                                      "head-too-large", "The request head is over 64 KiB.\n",
                                      limits);
        // A TLS client that was told to use an https:// proxy begins with a handshake record.
        if (!bytes.empty() && bytes.front() == '\x16')
            co_return co_await refuse(std::move(client), 400, "Bad Request", "tls-to-proxy",
                                      "This proxy port speaks plain HTTP: write "
                                      "HTTPS_PROXY=http://127.0.0.1:PORT, not https://.\n",
                                      limits);
        const auto left = std::chrono::ceil<Milliseconds>(until - std::chrono::steady_clock::now());
        const std::size_t room = limits::head_bytes_max - bytes.size();
        const auto more = co_await client->read_more(bytes, std::min<std::size_t>(2048, room),
                                                     std::max(left, Milliseconds(1)));
        if (more) continue;
        if (more.error().kind == ErrorKind::timeout && !bytes.empty())
            co_return co_await refuse(std::move(client), 408, "Request Timeout", "head-timeout",
                                      "The request head did not arrive in time.\n", limits);
        co_return nullptr;
    }
    auto head = http::parse_request_head(std::string_view(bytes).substr(0, end));
    bytes.erase(0, end);
    if (!head)
        co_return co_await refuse(std::move(client), 400, "Bad Request", "malformed-head",
                                  "Not a request that a proxy takes: " + head.error().context +
                                      ".\n",
                                  limits);
    if (is_equal_ignoring_case(head->method, "CONNECT")) {
        auto target = http::parse_authority(head->target);
        if (!target)
            co_return co_await refuse(std::move(client), 400, "Bad Request", "malformed-target",
                                      "CONNECT wants host:port: " + target.error().context + ".\n",
                                      limits);
        co_return co_await open_tunnel(std::move(client), std::move(*target), std::move(bytes),
                                       services);
    }
    if (services.counts && is_health_question(*head))
        co_return co_await answer_health(std::move(client), services);
    if (head->target.starts_with('/') || head->target == "*")
        co_return co_await refuse(
            std::move(client), 400, "Bad Request", "not-a-proxy-request",
            "This is the proxy port of halton-meter; it serves no pages. Type: halton-meter "
            "status\n",
            limits);
    auto uri = http::parse_absolute_uri(head->target);
    if (!uri)
        co_return co_await refuse(std::move(client), 400, "Bad Request", "malformed-target",
                                  "The request target is neither host:port nor an absolute "
                                  "http:// address.\n",
                                  limits);
    if (uri->scheme != "http")
        co_return co_await refuse(
            std::move(client), 400, "Bad Request", "absolute-https",
            "A request for an " + to_safe_text(uri->scheme, 16) +
                ":// address came in clear to the proxy port. The usual cause is ALL_PROXY: unset "
                "it and use HTTPS_PROXY, or start the tool with: halton-meter run -- COMMAND\n",
            limits);
    co_return co_await open_plain(std::move(client), std::move(*head), std::move(*uri),
                                  std::move(bytes), services);
}

}  // namespace

asio::awaitable<void> serve_edge_connection(TcpStream client, EdgeServices& services) {
    Tunnel tunnel = co_await open(std::move(client), services);
    if (tunnel) services.shuttle.adopt(std::move(tunnel));
}

}  // namespace halton::proxy
