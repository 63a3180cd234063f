#include "proxy/chain.h"

#include "base/log.h"
#include "net/http_probe.h"
#include "proxy/chain_protocol.h"
#include "proxy/edge_connection.h"

namespace halton::proxy {
namespace {

using net::Milliseconds;
using net::TcpStream;

// Ticks while nothing has been sent that could be answered (a client that pre-connects).
constexpr Milliseconds silent_client_check{2'000};

// The first byte of a TLS record that carries a handshake.
constexpr char tls_handshake = 0x16;

std::string to_text(const asio::ip::tcp::endpoint& address) {
    return http::to_text({address.address().to_string(), address.port(), true});
}

// The next complete head of the daemon, one byte too few at most: the tunnel's bytes follow only
// after we sent the client's. Errors: as read_more, too_large.
asio::awaitable<Result<int>> read_status(TcpStream& daemon, std::string& buffer,
                                         Milliseconds limit) {
    std::size_t scanned = 0;
    std::size_t end = 0;
    while ((end = http::find_head_end(buffer, scanned)) == 0) {
        if (buffer.size() > limits::head_bytes_max)
            co_return fail(ErrorKind::too_large, "chain answer", Leg::daemon);
        const auto more = co_await daemon.read_more(buffer, 512, limit);
        if (!more) co_return fail(more.error());
    }
    const auto head = http::parse_response_head(std::string_view(buffer).substr(0, end));
    buffer.erase(0, end);
    if (!head) co_return fail(head.error());
    co_return head->status;
}

// A connection to the daemon on which it has said "taken". Errors: timeout (hung), refused, ...
asio::awaitable<Result<TcpStream>> offer(const http::Target& target, TcpStream& client,
                                         EdgeServices& services) {
    const auto& limits = services.limits;
    auto daemon = co_await net::connect_loopback(services.io, services.ports().internal_port,
                                                 limits.chain_answer, Leg::daemon);
    if (!daemon) co_return fail(daemon.error());
    const auto request = chain_protocol::make_request(
        target, {to_text(client.remote_address()), to_text(client.local_address())});
    const auto sent = co_await daemon->write_all(request, limits.chain_answer);
    if (!sent) co_return fail(sent.error());

    std::string buffer;
    auto status = co_await read_status(*daemon, buffer, limits.chain_answer);
    if (!status) co_return fail(status.error());
    // Alive. A slow upstream may take its time now, a daemon that died or hangs may not.
    const auto until = std::chrono::steady_clock::now() + limits.resolve + limits.connect;
    while (*status / 100 == 1) {
        status = co_await read_status(*daemon, buffer, limits.first_byte_check);
        if (status) continue;
        if (status.error().kind != ErrorKind::timeout) co_return fail(status.error());
        bool goes_on = std::chrono::steady_clock::now() < until;
        if (goes_on) goes_on = co_await services.health.is_healthy();
        if (!goes_on) co_return fail(status.error());
        status = 100;
    }
    if (*status != 200)
        co_return fail(ErrorKind::unsupported, "declined " + std::to_string(*status), Leg::daemon);
    co_return std::move(*daemon);
}

}  // namespace

asio::awaitable<ChainOutcome> chain(std::unique_ptr<TcpStream> client, http::Target target,
                                    std::string first_flight, EdgeServices& services) {
    auto daemon = co_await offer(target, *client, services);
    if (!daemon) {
        // A decline is an answer; anything else means that the health cache was lied to.
        const bool is_declined = daemon.error().kind == ErrorKind::unsupported;
        if (services.counts)
            services.counts->note_passed(is_declined ? EdgePass::declined : EdgePass::chain_failed);
        if (!is_declined) {
            services.health.invalidate();
            log_event(LogLevel::info, "edge.chain_failed", {{"error", to_text(daemon.error())}});
        }
        co_return ChainOutcome{nullptr, std::move(client), std::move(first_flight), false};
    }
    const auto told = co_await client->write_all(chain_protocol::taken, services.limits.first_head);
    if (!told) co_return ChainOutcome{};
    if (services.counts) services.counts->note_chained();

    auto& io = services.io;
    auto tunnel = std::make_unique<net::RawDuplex>(client->release(), daemon->release());
    tunnel->preload_to_upstream(first_flight);
    tunnel->keep_first_flight(services.limits.first_flight_bytes_max);
    for (;;) {
        const auto tick = tunnel->has_first_flight() ? services.limits.first_byte_check
                                                     : silent_client_check;
        const auto end = co_await services.shuttle.run(*tunnel, tick);
        if (tunnel->is_answered() || tunnel->is_client_gone()) {
            if (end == net::Shuttle::End::interrupted)
                co_return ChainOutcome{std::move(tunnel), nullptr, {}, true};
            co_return ChainOutcome{};  // all over within the first tick
        }
        if (end == net::Shuttle::End::idle) co_return ChainOutcome{};
        if (end == net::Shuttle::End::done) break;
        const bool is_alive = co_await services.health.is_healthy();
        if (!is_alive) break;
    }
    // A client that left before the first answer, as after a cancelled dial, is why the daemon
    // ended too. Only what is no TLS may still wait for one.
    first_flight = tunnel->take_first_flight();
    if (tunnel->has_client_ended() && (first_flight.empty() || first_flight[0] == tls_handshake))
        co_return ChainOutcome{};
    // The daemon died or hangs before its first byte: whatever the client said can be said again.
    services.health.invalidate();
    if (services.counts) services.counts->note_passed(EdgePass::chain_failed);
    log_event(LogLevel::info, "edge.replayed", {{"host", target.host}});
    asio::ip::tcp::socket socket(io);
    std::error_code error;
    platform::Socket back = tunnel->take_client();
    socket.assign(asio::ip::tcp::v4(), back.release(), error);
    if (error) co_return ChainOutcome{};
    co_return ChainOutcome{nullptr,
                           std::make_unique<TcpStream>(std::move(socket), Leg::client),
                           std::move(first_flight), true};
}

}  // namespace halton::proxy
