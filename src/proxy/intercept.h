// One connection that the edge offers to the daemon: declined, tunnelled raw, or metered.
// Until the first byte to the client the daemon can change its mind: it holds the ClientHello, and
// whatever it cannot read honestly becomes a raw tunnel in which the client sees the real server.
// Owner: the coroutine frame. Thread: the I/O thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include "base/limits.h"
#include "meter/attribution.h"
#include "meter/body_capture.h"
#include "meter/call.h"
#include "meter/custom_providers.h"
#include "meter/hosts.h"
#include "meter/observer.h"
#include "meter/pending_answers.h"
#include "meter/pricing.h"
#include "meter/project_registry.h"
#include "net/blocking.h"
#include "net/dialer.h"
#include "net/shuttle.h"
#include "net/tcp_stream.h"
#include "net/turnstile.h"
#include "platform/socket_owner.h"
#include "proxy/policy_gate.h"
#include "proxy/refusals.h"
#include "tls/authority.h"
#include "tls/upstream_context.h"

namespace halton::proxy {

// What was not metered and why: reason -> connections since start.
using PassthroughCounts = std::map<std::string, std::uint64_t, std::less<>>;

// What all connections of the daemon share; made once by the role.
struct InterceptServices {
    asio::io_context& io;
    const Limits& limits;
    net::Dialer& dialer;
    net::Shuttle& shuttle;
    net::Turnstile& turnstile;
    net::Blocking& blocking;
    platform::SocketOwners& owners;  // used on the blocking worker only
    tls::LeafCache& leaves;
    tls::UpstreamContext& upstream_tls;
    const meter::HostList& hosts;
    const meter::PriceBook& prices;
    meter::CallSink& sink;
    const Clock& clock;
    const std::string& default_project;
    Refusals& refusals;
    PassthroughCounts& passthrough;
    const meter::ProviderTable* providers = nullptr;  // null: the built-in ones
    meter::PendingAnswers* pending = nullptr;
    meter::UnseenCounts* unseen = nullptr;
    // Told of each connection that is not metered, for the ledger. Program and host are empty
    // where it is none of our business: when the host is no provider's.
    std::function<void(std::string_view reason, std::string_view program, std::string_view host)>
        note_unmetered = nullptr;
    meter::ProjectRegistry* registry = nullptr;  // null: no label is believed
    const meter::CaptureSwitches* captures = nullptr;  // null: no body is captured
    GateServices* gates = nullptr;               // null: no policy blocks anything
    meter::RunningCalls* running = nullptr;
};

asio::awaitable<void> serve_intercept(net::TcpStream edge, InterceptServices& services);

}  // namespace halton::proxy
