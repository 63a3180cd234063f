#include "roles/observe.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/version.h"
#include "meter/custom_providers.h"
#include "meter/hosts.h"
#include "platform/edge_probe.h"
#include "platform/files.h"
#include "platform/gather.h"
#include "platform/loopback_http.h"
#include "roles/ports.h"
#include "setup/layers.h"
#include "tls/leaf_check.h"

namespace halton::roles {
namespace {

// A hung process must not hang us; a loaded one still answers in this time.
constexpr std::chrono::milliseconds answer_limit{1'000};
// Two handshakes more.
constexpr std::chrono::milliseconds probe_limit{3'000};

std::string text_of(JsonView value) { return std::string(value.as_string().value_or("")); }

std::vector<std::pair<std::string, std::int64_t>> counts_of(JsonView object) {
    std::vector<std::pair<std::string, std::int64_t>> counts;
    object.for_each_member([&](std::string_view reason, JsonView count) {
        counts.emplace_back(reason, count.as_integer().value_or(0));
    });
    return counts;
}

void look_at_edge(setup::Observed& observed) {
    const auto port = observed.ports.edge_port;
    const auto answer = platform::get_loopback(port, "/health", answer_limit);
    observed.is_edge_bound = answer || answer.error().kind != ErrorKind::refused;
    // A malformed answer is one too, of somebody who speaks something else.
    observed.has_edge_answered = answer || (answer.error().kind != ErrorKind::refused &&
                                            answer.error().kind != ErrorKind::timeout);
    if (!answer || answer->status != 200) return;
    JsonParser parser;
    const auto json = parser.parse(answer->body);
    if (!json || (*json)["role"].as_string() != "edge") return;
    const JsonView all = *json;
    setup::EdgeAnswer edge;
    edge.version = text_of(all["version"]);
    edge.pid = static_cast<int>(all["pid"].as_integer().value_or(0));
    edge.is_chaining = all["mode"].as_string() == "chain";
    edge.daemon_down_since = text_of(all["daemon_down_since"]);
    edge.chained = all["chained"].as_integer().value_or(0);
    edge.passthrough = counts_of(all["passthrough"]);
    observed.edge = std::move(edge);
}

void look_at_daemon(setup::Observed& observed) {
    const auto port = observed.ports.api_port;
    const auto health = platform::get_loopback(port, "/health", answer_limit);
    observed.is_api_bound = health || health.error().kind != ErrorKind::refused;
    observed.is_intercept_bound =
        platform::is_listening(observed.ports.internal_port, Limits{}.probe);
    if (!health) return;
    observed.health_status = health->status;
    if (health->status != 200) return;
    setup::DaemonAnswer daemon;
    JsonParser parser;
    if (const auto json = parser.parse(health->body)) {
        daemon.version = text_of((*json)["version"]);
        daemon.uptime_s = (*json)["uptime_s"].as_integer().value_or(0);
    }
    const auto status = platform::get_loopback(port, "/v1/daemon/status", answer_limit);
    if (const auto json = status ? parser.parse(status->body) : fail(status.error())) {
        const JsonView all = *json;
        daemon.rows_written = all["rows_written"].as_integer().value_or(0);
        daemon.rows_dropped_queue_full = all["rows_dropped_queue_full"].as_integer().value_or(0);
        daemon.rows_dropped_error = all["rows_dropped_error"].as_integer().value_or(0);
        daemon.rows_waiting = all["rows_waiting"].as_integer().value_or(0);
        daemon.rows_recovered = all["rows_recovered"].as_integer().value_or(0);
        daemon.is_kill_safe = all["kill_safe"].as_bool().value_or(true);
        daemon.store_state = text_of(all["store_state"]);
        daemon.store_last_error = text_of(all["store_last_error"]);
        daemon.passthrough = counts_of(all["passthrough"]);
        daemon.unseen_connections = all["unseen"]["connections"].as_integer().value_or(0);
        daemon.unseen_requests = all["unseen"]["requests"].as_integer().value_or(0);
        const auto policies = all["policies"];
        daemon.policies.state = text_of(policies["state"]);
        daemon.policies.last_error = text_of(policies["last_error"]);
        for (const auto& [key, count] :
             {std::pair<std::string_view, std::int64_t*>{"active", &daemon.policies.active},
              {"blocking", &daemon.policies.blocking},
              {"blocked", &daemon.policies.blocked},
              {"undecided", &daemon.policies.undecided},
              {"audit_dropped", &daemon.policies.audit_dropped},
              {"hooks_failed", &daemon.policies.hooks_failed}})
            *count = policies[key].as_integer().value_or(0);
        all["refusing_clients"].for_each_element([&](JsonView refusal) {
            daemon.refusals.push_back({text_of(refusal["program"]), text_of(refusal["host"]),
                                       refusal["count"].as_integer().value_or(0),
                                       text_of(refusal["since"])});
        });
    }
    observed.daemon = std::move(daemon);
}

void look_at_database(Look& look, bool is_thorough) {
    using State = setup::DatabaseState::State;
    const auto file = look.home.database_file();
    look.database = store::read_database_facts(file);
    auto& state = look.observed.database;
    if (!look.database) {
        state.state =
            look.database.error().kind == ErrorKind::not_found ? State::missing : State::unreadable;
        state.complaint = look.database.error().context;
        return;
    }
    state.state = State::present;
    state.schema_number = look.database->schema_number;
    state.known_schema_number = look.database->known_schema_number;
    const auto since = system_clock().now_utc() - std::chrono::hours(24 * unmetered_shown_days);
    if (auto rows = store::read_unmetered(file, since)) look.unmetered = std::move(*rows);
    if (!is_thorough) return;
    const auto complaint = store::check_database(file, limits::database_check_time);
    state.complaint = complaint ? *complaint : complaint.error().context;
    if (!state.complaint.empty()) state.state = State::unsound;
}

// A leaf, made with the files of this installation.
std::optional<std::string> check_leaf(const Look& look) {
    const auto certificate =
        platform::read_file(look.home.ca_certificate_file(), limits::config_bytes_max);
    const auto key = platform::read_file(look.home.ca_key_file(), limits::config_bytes_max);
    const auto bundle =
        platform::read_file(look.home.ca_bundle_file(), limits::ca_bundle_bytes_max);
    if (!certificate || !key || !bundle || look.hosts.empty()) return std::nullopt;
    const auto authority = tls::Authority::load({*certificate, *key});
    if (!authority) return authority.error().context;
    return tls::find_leaf_complaint(**authority, *bundle, look.hosts.front(),
                                    system_clock().now_utc());
}

// The whole way, as a tool goes it.
std::optional<setup::Observed::Probe> probe_chain(const Look& look) {
    if (!look.observed.edge || !look.observed.daemon) return std::nullopt;
    const auto bundle =
        platform::read_file(look.home.ca_bundle_file(), limits::ca_bundle_bytes_max);
    if (!bundle) return std::nullopt;
    const auto answer = platform::call_through(
        look.observed.ports.edge_port, std::string(meter::self_test_host), {*bundle}, probe_limit);
    if (answer && answer->status == 200) return setup::Observed::Probe{};
    if (answer) return setup::Observed::Probe{false, fmt::format("status {}", answer->status)};
    return setup::Observed::Probe{answer.error().kind == ErrorKind::tls_verify,
                                  to_text(answer.error())};
}

}  // namespace

std::vector<JudgedLayer> judge_layers(setup::Facts& facts, platform::CommandRunner& runner,
                                      const std::vector<std::string_view>& ids) {
    std::vector<const setup::Layer*> layers;
    for (const auto* layer : setup::applicable(facts.system))
        if (std::find(ids.begin(), ids.end(), layer->id) != ids.end()) layers.push_back(layer);
    // All are asked before any is judged: what one asks for, the mode, others go by.
    for (const auto* layer : layers) {
        // An answer may lead to the next question; layers that are only looked at ask few.
        for (int round = 0; round < 3; ++round) {
            const auto asked = layer->ask(facts);
            for (const auto& path : asked.files)
                if (!facts.files.contains(path))
                    facts.files.emplace(path, platform::look_at_file(path));
            for (const auto& argv : asked.commands)
                if (!facts.commands.contains(argv))
                    facts.commands.emplace(argv, runner.run(argv, answer_limit));
            for (const auto port : asked.listeners)
                if (!facts.listeners.contains(port))
                    facts.listeners.emplace(port, platform::look_at_port(port, facts));
        }
    }
    std::vector<JudgedLayer> judged;
    for (const auto* layer : layers) judged.push_back({layer, layer->judge(facts)});
    return judged;
}

Look look_around(const platform::Home& home, bool is_thorough) {
    Look look;
    look.home = home;
    auto parsed = platform::read_config(home);
    look.config = std::move(parsed.config);
    look.warnings = std::move(parsed.warnings);
    const meter::ProviderTable providers(look.config.custom_providers);
    look.hosts =
        meter::HostList(providers, look.config.extra_hosts, look.config.excluded_hosts).all();
    auto& observed = look.observed;
    observed.version = version();
    observed.ports = find_ports(home, look.config);
    observed.is_stopped_on_purpose =
        platform::is_regular_file(home.directory / "graceful-shutdown");
    look_at_edge(observed);
    look_at_daemon(observed);
    look_at_database(look, is_thorough);
    std::error_code failed;
    const auto space = std::filesystem::space(home.directory, failed);
    if (!failed) observed.free_bytes = space.available;
    if (is_thorough) observed.leaf_complaint = check_leaf(look);
    if (is_thorough) observed.probe = probe_chain(look);
    return look;
}

}  // namespace halton::roles
