#include <fmt/format.h>

#include "base/limits.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

namespace halton::setup::layers {
namespace {

struct Named {
    std::string_view name;
    std::string_view key;  // in config.toml
    std::uint16_t config::EffectivePorts::*port;
};
constexpr Named names[] = {{"edge", "edge_port", &config::EffectivePorts::edge_port},
                           {"intercept", "internal_port", &config::EffectivePorts::internal_port},
                           {"API", "api_port", &config::EffectivePorts::api_port}};

std::string ports_file(const Facts& facts) { return facts.folders.in_data("effective-ports.json"); }

Questions ask(const Facts& facts) {
    Questions questions{.files = {ports_file(facts), configured_ports_file(facts)}};
    for (const auto& named : names) {
        auto port = facts.ports.*named.port;
        // Upwards from a stranger's port, one at a time: most machines need one look.
        for (int i = 0; i < limits::port_fallback_count && facts.listeners.contains(port) &&
                        is_strangers_port(facts, port) && port < 65535;
             ++i)
            ++port;
        questions.listeners.push_back(port);
        // Who has the one that was wanted.
        if (facts.configured_ports.*named.port != 0)
            questions.listeners.push_back(facts.configured_ports.*named.port);
    }
    return questions;
}

std::optional<config::EffectivePorts> recorded(const Facts& facts) {
    const auto& file = facts.file(ports_file(facts));
    if (file.state != FileFact::State::present) return std::nullopt;
    const auto parsed = config::parse_ports_file(file.text);
    if (!parsed) return std::nullopt;
    return *parsed;
}

Finding judge(const Facts& facts) {
    for (const auto& named : names) {
        const auto port = facts.ports.*named.port;
        const auto& listener = facts.listener(port);
        if (is_strangers_port(facts, port))
            return broken("ports.taken",
                          fmt::format("the {} port {} belongs to {}", named.name, port,
                                      describe_listener(listener)),
                          init_command(facts));
        if (listener.is_bound && listener.is_off_loopback)
            return broken("ports.off_loopback",
                          fmt::format("the {} port {} is open to the network", named.name, port),
                          "halton-meter restart");
    }
    const auto file = recorded(facts);
    if (!file)
        return is_wanted(facts, Mode::env_only)
                   ? odd("ports.no_record", "effective-ports.json is missing or damaged",
                         init_command(facts))
                   : off("no ports are recorded");
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    for (const auto& named : names) {
        const auto wanted = facts.configured_ports.*named.port;
        const auto port = facts.ports.*named.port;
        if (wanted != 0 && wanted != port && is_strangers_port(facts, wanted))
            steps.push_back(Notify{fmt::format(
                "port {} belongs to {}; the {} uses {} (to pin one: {} in config.toml)", wanted,
                describe_listener(facts.listener(wanted)), named.name, port, named.key)});
    }
    const auto file = recorded(facts);
    if (!file || file->edge_port != facts.ports.edge_port ||
        file->internal_port != facts.ports.internal_port || file->api_port != facts.ports.api_port)
        steps.push_back(RecordPorts{{.edge_port = facts.ports.edge_port,
                                     .internal_port = facts.ports.internal_port,
                                     .api_port = facts.ports.api_port}});
    add_file(steps, facts, configured_ports_file(facts), configured_ports_text(facts), 0600, {});
    return steps;
}

std::vector<Step> plan_remove(const Facts&, const Wish&) { return {}; }

}  // namespace

const Layer ports{"ports",
                  "ports",
                  "the three loopback ports, in effective-ports.json; another one only when a "
                  "stranger holds ours",
                  true,
                  true,
                  Mode::env_only,
                  "data-folder",
                  ask,
                  judge,
                  plan_apply,
                  plan_remove};

}  // namespace halton::setup::layers
