// The daemon: meters what the edge chains to it, keeps the ledger, answers the API.
// May die, hang or be upgraded at any moment: the edge goes on without it.
#include <algorithm>
#include <cstdio>
#include <functional>

#include <fmt/format.h>
#include <asio/experimental/as_tuple.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <cxxopts.hpp>

#include "api/live.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "net/every.h"
#include "net/fork.h"
#include "net/listener.h"
#include "net/shuttle.h"
#include "net/task_group.h"
#include "platform/api_token.h"
#include "platform/authority_files.h"
#include "platform/home.h"
#include "platform/network.h"
#include "platform/own_log.h"
#include "platform/pending_files.h"
#include "platform/process.h"
#include "platform/socket_owner.h"
#include "platform/supervisor.h"
#include "proxy/intercept.h"
#include "roles/api_server.h"
#include "roles/examine.h"
#include "roles/exit_code.h"
#include "roles/explain_text.h"
#include "roles/local_time.h"
#include "roles/policy_service.h"
#include "roles/prices.h"
#include "roles/proxy_nets.h"
#include "roles/verbs.h"
#include "store/bodies.h"
#include "store/ledger.h"
#include "store/projects.h"
#include "store/reader.h"
#include "store/stored_call.h"
#include "tls/upstream_context.h"

namespace halton::roles {
namespace {

using api::DaemonFacts;

int fail_to_start(const std::string& why, const char* next) {
    std::fprintf(stderr, "%s. %s\n", why.c_str(), next);
    return exit_failed;
}

// What tells one set of prices from another.
std::string to_price_detail(const Prices& prices, const config::Config& config) {
    return fmt::format(R"({{"list_date":"{}","source":"{}","overrides":{}}})",
                       to_safe_text(prices.book.bundle_date(), 40),
                       to_safe_text(prices.book.source(), 80), config.price_overrides.size());
}

// Everything between the listeners and the ledger; destroyed before the ledger is.
struct Daemon {
    asio::io_context& io;
    const config::Config& config;
    const platform::Home& home;
    store::Ledger& ledger;
    std::string root_fingerprint;  // of the CA
    PolicyService& policies;
    Limits limits;
    config::EffectivePorts ports{};
    DaemonFacts::State state = DaemonFacts::State::starting;
    SteadyTime started_at = std::chrono::steady_clock::now();
    ProxyNets proxy_nets{io, home};
    proxy::Refusals refusals{};
    proxy::PassthroughCounts passthrough{};
    meter::UnseenCounts unseen{};
    meter::RunningCalls running{};
    std::shared_ptr<meter::CaptureBudget> capture_budget =
        std::make_shared<meter::CaptureBudget>(limits::body_memory_max);
    meter::CaptureSwitches captures{config.captures_bodies, capture_budget};
    net::TaskGroup calls{io.get_executor()};       // connections that may carry a call
    net::TaskGroup background{io.get_executor()};  // listeners and the API

    DaemonFacts facts() const;
    bool has_room(std::size_t tunnel_count) const;
    // Takes no more calls, finishes those that run, and ends the loop.
    struct Parts {
        net::Listener& intercept;
        net::Listener& api;
        net::Shuttle& shuttle;
        net::Blocking& blocking;
        ApiServer& api_server;
    };
    asio::awaitable<void> follow_capture_switches(net::Blocking& blocking);
    asio::awaitable<void> shut_down(Parts parts);
    asio::awaitable<void> leave_to_child(Parts parts);
    asio::awaitable<void> drain(net::Shuttle& shuttle, std::chrono::milliseconds limit,
                                std::chrono::seconds quiet);
    asio::awaitable<void> end(Parts parts);
    void watch_policies(net::Shuttle& shuttle);
    void note_stop(bool is_draining_in_child);
    bool is_child = false;
    bool is_stop_noted = false;
};

void Daemon::watch_policies(net::Shuttle& shuttle) {
    std::function<bool()> is_open = [this] { return ledger.counters().state != "starting"; };
    background.spawn("policies", policies.run(std::move(is_open)));
    background.spawn("notices", policies.run_notices());
    background.spawn("gates", policies.run_gates(shuttle));
}

void Daemon::note_stop(bool is_draining_in_child) {
    if (std::exchange(is_stop_noted, true)) return;
    policies.note(store::audit::daemon_stopped,
                  fmt::format(R"({{"version":"{}","pid":{},"draining":{}}})", version(),
                              platform::own_pid(), is_draining_in_child));
}

DaemonFacts Daemon::facts() const {
    DaemonFacts facts;
    facts.state = state;
    facts.version = version();
    facts.root_fingerprint = root_fingerprint;
    facts.uptime = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::steady_clock::now() - started_at);
    facts.ports = ports;
    facts.ledger = ledger.counters();
    facts.request_count_last_hour = facts.ledger.rows_last_hour;
    facts.passthrough = passthrough;
    facts.running_calls = running.count;
    facts.body_memory_bytes = capture_budget->used_bytes();
    facts.bodies_refused = capture_budget->refused_count();
    const auto policy_facts = policies.facts();
    facts.policies = {policy_facts.state,    policy_facts.last_error,    policy_facts.active,
                      policy_facts.blocking, policy_facts.blocked,       policy_facts.undecided,
                      policy_facts.failures, policy_facts.audit_dropped, policy_facts.hooks_failed};
    facts.unseen_connections = unseen.connections;
    facts.unseen_requests = unseen.requests;
    for (const auto& entry : refusals.all())
        facts.refusals.push_back({entry.program, entry.host, entry.count, entry.since});
    return facts;
}

// How a cost came about, as `explain --json` tells it and as the lines of `explain`.
std::string make_explanation(store::Reader& reader, const std::string& id,
                             const meter::PriceBook& prices) {
    auto found = store::find_stored_calls(reader, id, 1);
    if (!found || found->calls.empty() || found->calls.front().call.id != id) return {};
    const auto explanation = explain_cost(std::move(found->calls.front()), prices);
    JsonWriter json(JsonWriter::Layout::compact);
    json.begin_object().begin_array("text");
    constexpr int width = 100;
    const auto text = to_explain_text(explanation, {}, "UTC", width);
    for (std::string_view rest = text; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        json.text({}, rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    json.end();
    write_explanation(json, explanation, explanation.row.call.project_slug);
    json.end();
    return json.finish();
}

// `doctor` as the API tells it: once for all who ask within a while.
std::string make_doctor_json(const platform::Home& home) {
    platform::SystemCommandRunner runner;
    const auto examined = examine(home, runner, Viewpoint::daemon);
    std::string checked_at;
    append_json_string(checked_at, to_iso8601(system_clock().now_utc()));
    return "{\"checked_at\":" + checked_at + "," + to_doctor_json(examined.report).substr(1);
}

// A metered connection is both a task and in the shuttle; what is a task only is being opened.
bool Daemon::has_room(std::size_t tunnel_count) const {
    const std::size_t opening = calls.size() - std::min(calls.size(), tunnel_count);
    return calls.size() + tunnel_count < limits.connection_count_max &&
           limits::reserved_descriptor_count + opening * limits::opening_descriptor_count +
                   tunnel_count * limits::tunnel_descriptor_count <
               platform::descriptor_limit();
}

// Projects' own words on capturing bodies, as verbs change them.
asio::awaitable<void> Daemon::follow_capture_switches(net::Blocking& blocking) {
    using Switches = std::optional<std::unordered_map<std::string, bool>>;
    const auto watch = std::make_shared<store::FileWatch>(home.database_file());
    const auto look = [watch, file = home.database_file(), is_on = config.captures_bodies,
                       is_noted = std::make_shared<bool>(false)]() -> Switches {
        if (!*is_noted) *is_noted = store::note_capture_everywhere(file, is_on);
        if (!watch->has_changed()) return std::nullopt;
        auto found = store::read_capture_switches(file);
        if (!found) watch->forget();
        return found;
    };
    asio::steady_timer timer(io);
    for (;;) {
        if (auto asked = blocking.start<Switches>(look)) {
            auto found = co_await asked->wait(limits::capture_settings_pause * 5);
            if (found && *found) captures.set_projects(std::move(**found));
        }
        const bool is_over = co_await net::is_cancelled();
        if (is_over) co_return;
        timer.expires_after(limits::capture_settings_pause);
        const auto [error] =
            co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        if (error) co_return;
    }
}

// All inside the supervisor's 30 s; then the queue is flushed by the caller. /health says 503
// meanwhile, so that the edge tunnels.
asio::awaitable<void> Daemon::shut_down(Parts parts) {
    state = DaemonFacts::State::draining;
    note_stop(false);
    parts.intercept.close();
    // A request may be on its way on a connection that was busy just now.
    co_await drain(parts.shuttle, limits.drain, std::chrono::seconds(2));
    co_await end(parts);
}

// The supervisor sees this process end, and the next one finds the ports free; a copy finishes the
// calls and writes their rows beside it.
asio::awaitable<void> Daemon::leave_to_child(Parts parts) {
    state = DaemonFacts::State::draining;
    parts.intercept.close();
    parts.api.close();
    background.cancel_all();
    co_await parts.api_server.stop();
    co_await background.join(std::chrono::seconds(1));
    note_stop(calls.size() + parts.shuttle.count() > 0);
    if (calls.size() + parts.shuttle.count() > 0) {
        co_await proxy_nets.await_switch_off();
        // Held requests are let go in their time also now.
        background.spawn("gates", policies.run_gates(parts.shuttle));
        co_await policies.settle();
        background.cancel_all();
        co_await background.join(std::chrono::seconds(1));
        policies.write_rest(limits.flush_before_fork);
        policies.pause();
        // Threads do not come along, and a database must not be open in two processes by a fork.
        parts.blocking.pause();
        ledger.stop(limits.flush_before_fork);
        parts.shuttle.pause();
        const auto child = net::continue_in_child(io);
        is_child = child.has_value();
        ledger.restart();
        parts.blocking.resume();
        policies.resume();
        if (const auto resumed = parts.shuttle.resume(); !resumed)
            log_event(LogLevel::error, "daemon.drain.cut", {{"error", to_text(resumed.error())}});
        log_event(LogLevel::info, "daemon.drain.begin",
                  {{"pid", platform::own_pid()},
                   {"connections", calls.size()},
                   {"in_child", is_child},
                   {"error", child ? std::string() : to_text(child.error())}});
    }
    watch_policies(parts.shuttle);
    // A switch that is thrown while it drains counts, too.
    background.spawn("capture switches", follow_capture_switches(parts.blocking));
    if (is_child)
        co_await drain(parts.shuttle, config.drain_max,
                       std::chrono::duration_cast<std::chrono::seconds>(limits.drain_quiet));
    else
        co_await drain(parts.shuttle, limits.drain, std::chrono::seconds(2));
    co_await end(parts);
}

// Until no call runs. Connections that have been quiet between two calls are let go.
asio::awaitable<void> Daemon::drain(net::Shuttle& shuttle, std::chrono::milliseconds limit,
                                    std::chrono::seconds quiet) {
    const auto until = std::chrono::steady_clock::now() + limit;
    asio::steady_timer tick(io);
    while (calls.size() + shuttle.count() > 0 && std::chrono::steady_clock::now() < until) {
        shuttle.interrupt_between_calls(quiet);
        tick.expires_after(std::chrono::milliseconds(50));
        co_await tick.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> Daemon::end(Parts parts) {
    parts.intercept.close();
    parts.api.close();
    parts.shuttle.interrupt_all();
    calls.cancel_all();
    background.cancel_all();
    co_await parts.api_server.stop();
    co_await calls.join(std::chrono::seconds(1));
    co_await background.join(std::chrono::seconds(1));
    co_await proxy_nets.await_switch_off();
    io.stop();
}

}  // namespace

int run_daemon(int argc, char** argv) {
    cxxopts::Options options("halton-meter daemon",
                             "Meters the calls that the edge passes on, and answers the API.\n");
    options.add_options()("drain-in-child",
                          "on SIGTERM end at once, and leave running calls to a child process: for "
                          "supervisors")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags); done) return *done;
    const bool drains_in_child = flags.count("drain-in-child") > 0;

    platform::prepare_role_process();
    const auto home = platform::find_home();
    if (!home) return fail_to_start(home.error().context, "Set HOME or HALTON_METER_HOME");
    if (const auto made = platform::make_home(*home); !made)
        return fail_to_start(made.error().context, "Type: halton-meter status");
    if (platform::was_stopped_just_now(*home, system_clock().now_utc())) {
        log_event(LogLevel::info, "daemon.stopped_on_purpose", {{"next", "halton-meter start"}});
        platform::tell_supervisor("READY=1");  // or this end in order looks like a failed start
        return exit_done;
    }
    const auto parsed = platform::read_config(*home);
    const config::Config& config = parsed.config;
    for (const auto& warning : parsed.warnings)
        log_event(LogLevel::warn, "config.ignored", {{"what", warning}});

    const Clock& clock = system_clock();
    const Prices prices = read_prices(*home, config, clock.now_utc());
    for (const auto& warning : prices.warnings)
        log_event(LogLevel::warn, "prices.ignored", {{"what", warning}});
    const meter::ProviderTable providers(config.custom_providers);
    meter::PendingAnswers pending_answers;
    const meter::HostList hosts(providers, config.extra_hosts, config.excluded_hosts);
    auto authority = platform::load_or_make_authority(*home, hosts.all(), clock.now_utc());
    if (!authority)
        return fail_to_start("the CA cannot be set up: " + authority.error().context,
                             "Check the rights of the data directory, then start again");
    auto upstream_tls = [&]() -> Result<std::unique_ptr<tls::UpstreamContext>> {
        const auto roots = platform::read_trusted_roots(*home, config.upstream_ca_file);
        if (const auto bundle = platform::write_bundle(*home, roots); !bundle)
            log_event(LogLevel::warn, "ca.bundle_not_written",
                      {{"error", to_text(bundle.error())}});
        return tls::UpstreamContext::make(roots);
    }();
    if (!upstream_tls)
        return fail_to_start("no roots to verify providers with: " + upstream_tls.error().context,
                             "Install ca-certificates, then start again");

    const auto pending_files = platform::open_pending_files(*home);
    std::vector<std::span<std::byte>> pending;
    for (const auto& file : pending_files.taken) pending.push_back(file.memory());
    if (pending.empty())
        log_event(LogLevel::warn, "store.pending.none", {{"error", pending_files.error}});
    store::Ledger ledger(home->database_file(), pending,
                         {config.body_retention_days, config.body_size_limit_mib << 20});
    // Their rows are in the first by now.
    for (std::size_t i = 1; i < pending_files.taken.size(); ++i) pending_files.taken[i].remove();
    {
        asio::io_context io(1);
        PolicyService policies(io, home->database_file(), ledger, clock, config.notify_command);
        Daemon daemon{io, config, *home, ledger, (*authority)->fingerprint(), policies, Limits{}};
        auto intercept = net::Listener::bind(io.get_executor(), config.internal_port,
                                             limits::port_fallback_count);
        auto api =
            net::Listener::bind(io.get_executor(), config.api_port, limits::port_fallback_count);
        auto shuttle = net::Shuttle::make(io, daemon.limits.idle);
        if (!intercept)
            return fail_to_start(intercept.error().context, "Type: halton-meter status");
        if (!api) return fail_to_start(api.error().context, "Type: halton-meter status");
        if (!shuttle) return fail_to_start(shuttle.error().context, "Start again later");
        daemon.ports = {.edge_port = config.edge_port,
                        .internal_port = intercept->port(),
                        .api_port = api->port(),
                        .daemon_pid = platform::own_pid()};
        if (const auto known = platform::read_ports(*home); known && known->edge_port)
            daemon.ports.edge_port = known->edge_port;

        const auto is_own = [&](const asio::ip::address& address, std::uint16_t port) {
            if (port != daemon.ports.edge_port && port != daemon.ports.internal_port &&
                port != daemon.ports.api_port)
                return false;
            return platform::is_own_address(address.to_string());
        };
        meter::ProjectRegistry registry;
        // An older or a missing file knows none; the ledger's thread brings it up to date.
        const auto folders =
            store::read_project_folders(home->database_file(), limits::project_registry_count_max);
        if (folders)
            for (const auto& [slug, folder] : *folders) registry.note(slug, folder);
        if (auto switches = store::read_capture_switches(home->database_file()))
            daemon.captures.set_projects(std::move(*switches));
        net::Dialer dialer(io, config, daemon.limits, is_own);
        platform::SocketOwners owners;
        net::Blocking blocking(io);  // destroyed first: its last call may still use the owners
        tls::LeafCache leaves(*authority, clock);
        api::LiveFeed live;
        WatchedSink sink(policies, live);
        net::Turnstile turnstile(io.get_executor());
        proxy::InterceptServices services{
            io,
            daemon.limits,
            dialer,
            **shuttle,
            turnstile,
            blocking,
            owners,
            leaves,
            **upstream_tls,
            hosts,
            prices.book,
            sink,
            clock,
            config.default_project,
            daemon.refusals,
            daemon.passthrough,
            &providers,
            &pending_answers,
            &daemon.unseen,
            [&ledger](std::string_view reason, std::string_view program, std::string_view host) {
                ledger.note_unmetered(reason, program, host);
            },
            &registry,
            &daemon.captures};
        services.running = &daemon.running;
        services.gates = &policies.gates();
        services.gates->sink = &sink;  // rows of blocked calls are seen by everybody, too
        daemon.background.spawn(
            "intercept listener",
            intercept->serve([&] { return daemon.has_room((*shuttle)->count()); },
                             [&](asio::ip::tcp::socket socket) {
                                 daemon.calls.spawn(
                                     "intercept connection",
                                     proxy::serve_intercept(
                                         net::TcpStream(std::move(socket), Leg::client), services));
                             }));
        auto token = platform::read_or_make_api_token(*home);
        if (!token) log_event(LogLevel::warn, "api.read_only", {{"error", to_text(token.error())}});
        std::string doctor_json;
        SteadyTime doctor_until{};
        ApiServer api_server(
            {io,
             daemon.limits,
             live,
             config.cors_allow_origins,
             token.value_or(std::string()),
             {.clock = &clock,
              .database = home->database_file().string(),
              .prices = &prices.book,
              .local_zone = &read_local_zone,
              .local_zone_name = &local_zone_name,
              .explain =
                  [&prices](store::Reader& reader, const std::string& id) {
                      return make_explanation(reader, id, prices.book);
                  },
              // On the one slow thread, so nobody else looks at these two.
              .doctor =
                  [&] {
                      if (clock.now_steady() >= doctor_until) {
                          doctor_json = make_doctor_json(*home);
                          doctor_until = clock.now_steady() + limits::api_doctor_age;
                      }
                      return doctor_json;
                  },
              .metrics =
                  [&] { return sink.metrics().to_text(daemon.facts(), live.reader_count()); }},
             [&daemon] { return daemon.facts(); }});
        daemon.background.spawn("live state", api_server.watch());
        daemon.background.spawn(
            "api listener",
            api->serve([&] { return api_server.has_room(); },
                       [&](asio::ip::tcp::socket socket) {
                           daemon.background.spawn(
                               "api connection",
                               api_server.serve(net::TcpStream(std::move(socket), Leg::client)));
                       }));
        // Only what works may be found: both listeners stand before anybody learns of them.
        daemon.state = DaemonFacts::State::ok;
        if (const auto merged = platform::merge_ports(*home, {.internal_port = intercept->port(),
                                                              .api_port = api->port(),
                                                              .daemon_pid = platform::own_pid()});
            !merged)
            log_event(LogLevel::warn, "daemon.ports_not_written",
                      {{"error", to_text(merged.error())}});
        log_event(LogLevel::info, "daemon.startup.ready",
                  {{"internal_port", int{intercept->port()}},
                   {"api_port", int{api->port()}},
                   {"version", version()}});

        daemon.background.spawn("capture switches", daemon.follow_capture_switches(blocking));
        daemon.background.spawn("own log", net::every(limits::log_look_pause, [&home] {
                                    (void)platform::rotate_own_log(2, home->log_file("daemon"),
                                                                   limits::log_bytes_max,
                                                                   limits::log_backup_count);
                                }));
        daemon.background.spawn("system proxy", daemon.proxy_nets.switch_on_when_healthy(
                                                    api->port(), daemon.ports.edge_port));

        policies.note(store::audit::daemon_started, fmt::format(R"({{"version":"{}","pid":{}}})",
                                                                version(), platform::own_pid()));
        policies.note_settings(to_price_detail(prices, config), config.captures_bodies);
        daemon.watch_policies(**shuttle);

        platform::tell_supervisor("READY=1");

        // A second signal ends what the first one left running.
        const Daemon::Parts parts{*intercept, *api, **shuttle, blocking, api_server};
        asio::signal_set signals(io, SIGTERM, SIGINT);
        net::TaskGroup supervisor(io.get_executor());
        std::function<void()> wait_for_signal = [&] {
            signals.async_wait([&](std::error_code error, int number) {
                if (error) return;
                // The supervisor's signal: logout and reboot must leave no proxy behind.
                if (number == SIGTERM) daemon.proxy_nets.begin_switch_off();
                const bool is_first = daemon.state != DaemonFacts::State::draining;
                const bool is_to_go_on = is_first && drains_in_child && number == SIGTERM;
                if (is_to_go_on)
                    supervisor.spawn("shutdown", daemon.leave_to_child(parts));
                else if (is_first)
                    supervisor.spawn("shutdown", daemon.shut_down(parts));
                else
                    supervisor.spawn("shutdown", daemon.end(parts));
                wait_for_signal();
            });
        };
        wait_for_signal();
        net::run_loop(io);
        daemon.note_stop(false);
        ledger.stop(Limits{}.flush);
        policies.write_rest(Limits{}.flush_before_fork);
    }
    ledger.stop(Limits{}.flush);
    const auto counters = ledger.counters();
    log_event(LogLevel::info, "daemon.exit",
              {{"pid", platform::own_pid()},
               {"rows_written", counters.rows_written},
               {"rows_dropped", counters.rows_dropped_queue_full + counters.rows_dropped_error}});
    return exit_done;
}

}  // namespace halton::roles
