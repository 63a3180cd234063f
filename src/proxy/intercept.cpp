#include "proxy/intercept.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "http/tap.h"
#include "net/raw_duplex.h"
#include "net/tls_handshake.h"
#include "proxy/chain_protocol.h"
#include "proxy/self_test.h"
#include "proxy/tls_duplex.h"
#include "tls/client_hello.h"

namespace halton::proxy {
namespace {

using net::RawDuplex;
using net::TcpStream;

// How long a connection waits for its owner to be found; by then the upstream has been dialled,
// so it is rarely felt.
constexpr net::Milliseconds owner_wait{100};

// What becomes of one connection: at most one of the two runs to the end.
struct Opened {
    std::unique_ptr<RawDuplex> raw;
    std::unique_ptr<TlsDuplex> metered;
    Refusals::Client client;
    int pid = 0;
};

struct Owner {
    meter::ClientProcess process;
    bool is_other_user = false;
    std::string_view outcome = "late";  // of the look-up
};

std::optional<platform::SocketAddress> parse_address(const std::string& text) {
    auto target = http::parse_authority(text);
    if (!target) return std::nullopt;
    return platform::SocketAddress{target->host, target->port};
}

Result<net::Blocking::Pending<Owner>> start_owner_search(
    const chain_protocol::ClientAddress& address, InterceptServices& services) {
    const auto client = parse_address(address.client);
    const auto edge = parse_address(address.edge);
    if (!client || !edge) return fail(ErrorKind::malformed, "no client address on the chain hop");
    return services.blocking.start<Owner>(
        [client = *client, edge = *edge, &owners = services.owners] {
            Owner owner;
            auto process = owners.find(client, edge);
            owner.outcome = process ? "found" : name_of(process.error().kind);
            if (process)
                owner.process = std::move(*process);
            else
                owner.is_other_user = process.error().kind == ErrorKind::permission;
            return owner;
        });
}

// Why a connection with this hello is not decrypted; empty when it may be.
std::string_view reason_to_pass(const tls::HelloRead& read, const http::Target& target,
                                const meter::HostList& hosts) {
    if (read.state != tls::HelloState::complete) return "not-tls";
    const auto& name = read.hello.server_name;
    if (name.empty()) return "no-sni";
    if (!hosts.is_metered(name)) return "unknown-sni";
    if (!target.is_ip_literal && name != target.host) return "sni-differs";
    return {};
}

Refusals::Sign sign_of(ErrorKind kind) {
    if (kind == ErrorKind::reset) return Refusals::Sign::reset;
    if (kind == ErrorKind::tls_alert) return Refusals::Sign::alert;
    return Refusals::Sign::close;
}

// The ways a client says no to a certificate; a timeout or our own stop is none of them.
bool is_refusal(ErrorKind kind) {
    return kind == ErrorKind::reset || kind == ErrorKind::tls_alert || kind == ErrorKind::closed;
}

class Intercept {
public:
    Intercept(TcpStream edge, InterceptServices& services)
        : client_(std::move(edge)), services_(services) {}

    asio::awaitable<Opened> open();

private:
    void count(std::string_view reason) {
        const auto found = services_.passthrough.find(reason);
        if (found != services_.passthrough.end())
            ++found->second;
        else
            services_.passthrough.emplace(reason, 1);
        if (services_.note_unmetered) {
            const bool is_provider = services_.hosts.is_metered(host_);
            services_.note_unmetered(reason,
                                     is_provider ? std::string_view(owner_.process.executable) : "",
                                     is_provider ? std::string_view(host_) : "");
        }
        log_event(LogLevel::debug, "intercept.passthrough",
                  {{"host", target_.host}, {"reason", reason}});
    }

    Refusals::Client to_client(const tls::ClientHello& hello) const {
        return {owner_.process.executable, hello.stack, hello.server_name};
    }

    meter::Attribution attribute();
    bool may_be_blocked(std::string_view host);
    asio::awaitable<void> wait_for_owner(net::Milliseconds limit);
    asio::awaitable<Opened> decline(std::string_view reason);
    asio::awaitable<Result<tls::HelloRead>> read_hello();
    Opened pass_raw(TcpStream upstream);
    asio::awaitable<Opened> redial_and_pass_raw(std::string_view reason);
    asio::awaitable<Opened> meter(TcpStream upstream, const tls::ClientHello& hello);

    TcpStream client_;
    InterceptServices& services_;
    http::Target target_;
    std::string host_;   // whom the client means: of the target, then of its hello
    std::string bytes_;  // of the client behind the CONNECT: its ClientHello
    std::optional<net::Blocking::Pending<Owner>> search_;  // until it has answered
    std::chrono::steady_clock::duration waited_{};         // for that: what it cost the client
    Owner owner_;
    std::optional<meter::Attribution> attribution_;
};

asio::awaitable<Opened> Intercept::decline(std::string_view reason) {
    count(reason);
    co_await client_.write_all(chain_protocol::make_decline(reason), services_.limits.handshake);
    co_return Opened{};
}

asio::awaitable<Opened> Intercept::open() {
    const auto& limits = services_.limits;
    std::size_t scanned = 0;
    std::size_t end = 0;
    while ((end = http::find_head_end(bytes_, scanned)) == 0) {
        if (bytes_.size() > limits::head_bytes_max) co_return Opened{};
        const auto more = co_await client_.read_more(bytes_, 1024, limits.handshake);
        if (!more) co_return Opened{};
    }
    auto request = chain_protocol::parse_request(std::string_view(bytes_).substr(0, end));
    bytes_.erase(0, end);
    if (!request) {
        const auto answer = http::make_error_response(
            400, "Bad Request", "edge-only",
            "This port belongs to the edge. Tools use the proxy port; type: halton-meter status\n");
        co_await client_.write_all(answer, limits.handshake);
        co_return Opened{};
    }
    target_ = std::move(request->target);
    host_ = target_.host;
    const auto told = co_await client_.write_all(chain_protocol::alive, limits.handshake);
    if (!told) co_return Opened{};

    if (target_.host == meter::self_test_host) {
        const auto ready = co_await client_.write_all(chain_protocol::taken, limits.handshake);
        if (ready)
            co_await answer_self_test(std::move(client_), std::move(bytes_), services_.leaves,
                                      limits);
        co_return Opened{};
    }
    // Traffic that is none of our business never runs through this process: the edge takes it.
    if (!target_.is_ip_literal && !services_.hosts.is_metered(target_.host))
        co_return co_await decline("not-metered");

    if (auto search = start_owner_search(request->address, services_))
        search_.emplace(std::move(*search));
    // Everybody gets the answer above before anybody's connection costs more than that.
    const auto passed = co_await services_.turnstile.pass();
    if (!passed || client_.has_peer_gone()) co_return Opened{};
    auto upstream = co_await services_.dialer.dial(target_);
    if (!upstream) co_return co_await decline("upstream-unreachable");
    co_await wait_for_owner(owner_wait);
    if (owner_.is_other_user) co_return co_await decline("other-user");

    const auto taken = co_await client_.write_all(chain_protocol::taken, limits.handshake);
    if (!taken) co_return Opened{};
    auto hello = co_await read_hello();
    if (!hello) co_return Opened{};
    if (!hello->hello.server_name.empty()) host_ = hello->hello.server_name;
    auto reason = reason_to_pass(*hello, target_, services_.hosts);
    if (reason.empty() &&
        services_.refusals.is_refusing(to_client(hello->hello), services_.clock.now_steady()))
        reason = "client-refuses";
    if (!reason.empty()) {
        count(reason);
        co_return pass_raw(std::move(*upstream));
    }
    co_return co_await meter(std::move(*upstream), hello->hello);
}

asio::awaitable<Result<tls::HelloRead>> Intercept::read_hello() {
    for (;;) {
        auto read = tls::read_client_hello(bytes_);
        if (read.state != tls::HelloState::need_more) co_return read;
        const auto more = co_await client_.read_more(bytes_, 4096, services_.limits.idle);
        if (more) continue;
        // It has said all it will say and may still wait for an answer: no TLS then.
        if (more.error().kind == ErrorKind::closed && !bytes_.empty())
            co_return tls::HelloRead{tls::HelloState::not_tls, {}};
        co_return fail(more.error());
    }
}

Opened Intercept::pass_raw(TcpStream upstream) {
    Opened opened;
    opened.raw = std::make_unique<RawDuplex>(client_.release(), upstream.release());
    opened.raw->preload_to_upstream(bytes_);
    return opened;
}

// The first upstream connection is spoiled by our handshake; the client's own hello goes to a
// fresh one, and the client judges the server itself.
asio::awaitable<Opened> Intercept::redial_and_pass_raw(std::string_view reason) {
    count(reason);
    auto upstream = co_await services_.dialer.dial(target_);
    if (!upstream) co_return Opened{};
    co_return pass_raw(std::move(*upstream));
}

asio::awaitable<Opened> Intercept::meter(TcpStream upstream, const tls::ClientHello& hello) {
    const auto& limits = services_.limits;
    const std::string host = hello.server_name;
    const auto passed = co_await services_.turnstile.pass();
    // A dial that was cancelled meanwhile is not worth the handshakes.
    if (!passed || client_.has_peer_gone()) co_return Opened{};
    // The client's own list, so that the upstream chooses as it would without us. But where a
    // policy may block a call the choice is HTTP/1.1, if the client knows it: only there a request
    // can be held and refused alone.
    auto offered = hello.alpn;
    if (may_be_blocked(host) &&
        std::find(offered.begin(), offered.end(), "http/1.1") != offered.end())
        offered = {"http/1.1"};
    auto upstream_engine = services_.upstream_tls.make_engine(host, target_.port, offered);
    if (!upstream_engine) co_return co_await redial_and_pass_raw("no-memory");
    auto upstream_rest = co_await net::run_handshake(
        upstream, *upstream_engine, {}, limits.handshake, Leg::upstream, &services_.turnstile);
    if (!upstream_rest) {
        std::string_view reason = "upstream-handshake";
        if (tls::UpstreamContext::wants_client_certificate(*upstream_engine))
            reason = "client-certificate-asked";
        else if (upstream_rest.error().kind == ErrorKind::tls_verify)
            reason = "upstream-unverified";
        log_event(LogLevel::info, "intercept.not_metered",
                  {{"host", host}, {"reason", reason}, {"error", to_text(upstream_rest.error())}});
        co_return co_await redial_and_pass_raw(reason);
    }
    const std::string protocol = upstream_engine->alpn();
    if (!http::Tap::knows(protocol)) co_return co_await redial_and_pass_raw("other-protocol");

    auto leaf = services_.leaves.find_or_make(host);
    if (!leaf) co_return co_await redial_and_pass_raw("no-leaf");
    tls::TlsEngine::enable_alpn_mirror(leaf->get());
    auto client_engine = tls::TlsEngine::make(leaf->get(), tls::TlsEngine::Role::server);
    if (!client_engine) co_return co_await redial_and_pass_raw("no-memory");
    client_engine->mirror_alpn(protocol);
    const auto passed_again = co_await services_.turnstile.pass();
    // Whoever left before it saw our certificate did not refuse it: the edge took us for hung.
    if (!passed_again || client_.has_peer_gone()) co_return Opened{};
    auto client_rest =
        co_await net::run_handshake(client_, *client_engine, std::move(bytes_), limits.handshake,
                                    Leg::client, &services_.turnstile);
    if (!client_rest) {
        const Error& error = client_rest.error();
        if (is_refusal(error.kind)) {
            services_.refusals.note(to_client(hello), owner_.process.pid, sign_of(error.kind),
                                    services_.clock.now_steady());
            count("client-refused");
            log_event(LogLevel::warn, "intercept.client_refused",
                      {{"host", host},
                       {"program", owner_.process.executable},
                       {"error", to_text(error)},
                       {"next", "passthrough; to meter it: halton-meter run -- COMMAND"}});
        }
        co_return Opened{};
    }

    // While many processes connect at once a look-up may take longer than the dial.
    co_await wait_for_owner(owner_wait);
    if (!attribution_) attribution_ = attribute();
    auto attribution = std::move(*attribution_);
    meter::CallObserver observer(
        {host, std::move(attribution.project_slug), std::move(attribution.layer),
         owner_.process.working_directory, services_.providers, services_.pending, services_.unseen,
         std::move(attribution.folder), std::move(attribution.git_branch),
         owner_.process.executable, services_.captures,
         meter::find_body_capture(owner_.process), services_.running},
        services_.prices, services_.sink, services_.clock);
    Opened opened;
    opened.client = to_client(hello);
    opened.pid = owner_.process.pid;
    opened.metered = std::make_unique<TlsDuplex>(
        TlsDuplex::End{client_.release(), std::move(*client_engine), std::move(*client_rest)},
        TlsDuplex::End{upstream.release(), std::move(*upstream_engine), std::move(*upstream_rest)},
        std::move(observer));
    if (services_.gates != nullptr && protocol != "h2") opened.metered->guard(*services_.gates);
    co_return opened;
}

// Until its owner is known, a connection may be anybody's.
bool Intercept::may_be_blocked(std::string_view host) {
    if (services_.gates == nullptr) return false;
    const auto& book = services_.gates->book;
    const auto& providers =
        services_.providers ? *services_.providers : meter::built_in_providers();
    const auto place = providers.find_host(host);
    if (place.provider == nullptr || !book.may_block({}, place.provider->id)) return false;
    if (search_) return true;
    if (!attribution_) attribution_ = attribute();
    return book.may_block(attribution_->project_slug, place.provider->id);
}

asio::awaitable<void> Intercept::wait_for_owner(net::Milliseconds limit) {
    if (!search_) co_return;
    const auto begun = std::chrono::steady_clock::now();
    auto found = co_await search_->wait(limit);
    waited_ += std::chrono::steady_clock::now() - begun;
    if (!found) co_return;
    owner_ = std::move(*found);
    search_.reset();
}

meter::Attribution Intercept::attribute() {
    auto found = meter::attribute(owner_.process, services_.default_project, services_.registry);
    log_event(LogLevel::info, "attribution.resolved",
              {{"winning_layer", found.layer},
               {"project", found.project_slug},
               {"program", owner_.process.executable},
               {"pid", owner_.process.pid},
               {"client", owner_.outcome},
               {"waited_us",
                std::chrono::duration_cast<std::chrono::microseconds>(waited_).count()}});
    if (services_.registry == nullptr) return found;
    const auto other = services_.registry->note(found.project_slug, found.folder);
    // They share their rows: one slug is one project.
    if (!other.empty())
        log_event(LogLevel::debug, "attribution.same_name",
                  {{"project", found.project_slug}, {"folder", found.folder}, {"first", other}});
    return found;
}

asio::awaitable<Opened> open(TcpStream edge, InterceptServices& services) {
    // On the heap, so that what the talking needed is gone while the bytes flow.
    const auto intercept = std::make_unique<Intercept>(std::move(edge), services);
    co_return co_await intercept->open();
}

}  // namespace

asio::awaitable<void> serve_intercept(TcpStream edge, InterceptServices& services) {
    Opened opened = co_await open(std::move(edge), services);
    if (opened.raw) {
        services.shuttle.adopt(std::move(opened.raw));
    } else if (opened.metered) {
        auto& refusals = services.refusals;
        opened.metered->call_on_first_answer(
            [&refusals, &opened] { refusals.note_accepted(opened.client, opened.pid); });
        co_await services.shuttle.run(*opened.metered);
        if (!opened.metered->has_client_spoken())
            refusals.note(opened.client, opened.pid, Refusals::Sign::close_after,
                          services.clock.now_steady());
    }
}

}  // namespace halton::proxy
