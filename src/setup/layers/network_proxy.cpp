#include <fmt/format.h>

#include "setup/layers/desktop.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/proxy_commands.h"

namespace halton::setup::layers {
namespace {

Argv groups_command() { return {"id", "-Gn"}; }

// Without these rights nobody of us could switch it off again.
bool may_change(const Facts& facts) {
    const auto& groups = facts.command(groups_command());
    const auto words = fmt::format(" {} ", groups.output.substr(0, groups.output.find('\n')));
    return !groups.started || words.find(" admin ") != std::string::npos;
}

Questions ask(const Facts& facts) {
    Questions questions{.files = {system_state_file(facts), facts.folders.in_data("proxy-managed")},
                        .commands = ask_network_services(facts)};
    questions.commands.push_back(groups_command());
    return questions;
}

Finding judge(const Facts& facts) {
    const auto& listed = facts.command(list_services_command());
    if (!listed.started || !parse_services(listed.output))
        return unknown("proxy.unknown", "networksetup tells no network services");
    const auto own_ports = edge_ports(facts);
    std::string on;
    std::string not_on;
    bool is_to_dead_port = false;
    for (const auto& service : see_network_services(facts)) {
        if (!plan_off(service, own_ports).empty()) {
            on += fmt::format("{}{}", on.empty() ? "" : ", ", service.name);
            for (const auto* setting : {&service.web, &service.secure_web})
                if (is_ours(*setting, own_ports) && !facts.listener(setting->port).is_bound)
                    is_to_dead_port = true;
        }
        if (!is_switched_on(service, facts.ports.edge_port) &&
            !has_foreign_proxy(service, own_ports))
            not_on += fmt::format("{}{}", not_on.empty() ? "" : ", ", service.name);
    }
    if (is_to_dead_port)
        return broken(
            "proxy.dead_port",
            fmt::format("the system proxy of {} leads to a port where nobody listens", on),
            "halton-meter reset-proxy");
    if (!is_wanted(facts, Mode::full))
        return on.empty() ? off("only with --full")
                          : odd("proxy.left",
                                fmt::format("the system proxy of {} is ours, but the mode is not "
                                            "full",
                                            on),
                                "halton-meter reset-proxy");
    if (!may_change(facts))
        return odd("proxy.no_rights", "only administrators may change the system proxy",
                   "halton-meter init --apps");
    if (not_on.empty()) return good();
    if (facts.listener(facts.ports.api_port).health_status != 200)
        return off(fmt::format("off while the daemon is down: {}", not_on));
    return odd("proxy.not_on", fmt::format("the system proxy of {} is not ours", not_on),
               init_command(facts));
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    if (!may_change(facts))
        return {Notify{
            "the system proxy stays as it is: only administrators may change it, and the watchdog "
            "could not switch it off"}};
    const auto own_ports = edge_ports(facts);
    const auto services = see_network_services(facts);
    std::vector<Step> steps;
    for (const auto& service : services) {
        if (!has_foreign_proxy(service, own_ports)) continue;
        const auto& was = service.secure_web.is_on ? service.secure_web : service.web;
        steps.push_back(Notify{fmt::format(
            "{} has the proxy {}:{}; it is put back by uninstall. To meter behind it, put it into "
            "{} as [upstream] proxy{}",
            service.name, was.server, was.port, facts.folders.in_data("config.toml"),
            facts.has_upstream_proxy ? " (one is there)" : "")});
        // Ours would cut the user off from a network that needs it.
        if (!facts.has_upstream_proxy) continue;
        for (auto& command : plan_on(service, facts.ports.edge_port))
            steps.push_back(std::move(command));
    }
    for (const auto& service : services)
        if (!has_foreign_proxy(service, own_ports))
            for (auto& command : plan_on(service, facts.ports.edge_port))
                steps.push_back(std::move(command));
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    const auto recorded = read_recorded(facts.file(system_state_file(facts)));
    std::vector<Step> steps;
    // First what lets a daemon that starts meanwhile switch it on again.
    add_removal(steps, facts, facts.folders.in_data("proxy-managed"));
    for (const auto& service : see_network_services(facts))
        for (auto& command : plan_restore(
                 service, recorded ? recorded->find(service.name) : nullptr, edge_ports(facts)))
            steps.push_back(std::move(command));
    return steps;
}

Questions ask_record(const Facts& facts) {
    return {.files = {system_state_file(facts)}, .commands = ask_network_services(facts)};
}

Finding judge_record(const Facts& facts) {
    if (!is_wanted(facts, Mode::full)) return off("only with --full");
    if (read_recorded(facts.file(system_state_file(facts)))) return good();
    return odd("proxy_record.missing",
               "what the system proxy was before is not known: uninstall will switch it off",
               init_command(facts));
}

std::vector<Step> plan_record(const Facts& facts, const Wish&) {
    SystemState seen;
    seen.network_services = see_network_services(facts);
    return plan_recording(system_state_file(facts), facts.file(system_state_file(facts)), seen,
                          edge_ports(facts));
}

// It stays: the next installation must not take ours for the user's.
std::vector<Step> keep_record(const Facts&, const Wish&) { return {}; }

}  // namespace

const Layer network_record{"proxy-record",
                           "record of the system proxy",
                           "what the proxies of all network services were before us, in "
                           "system_state.json; never replaced",
                           false,
                           true,
                           Mode::env_only,
                           "data-folder",
                           ask_record,
                           judge_record,
                           plan_record,
                           keep_record};

const Layer network_proxy{"network-proxy",
                          "system proxy",
                          "every active network service leads http and https to the edge; bypass "
                          "lists are kept",
                          false,
                          true,
                          Mode::full,
                          "edge-agent keychain-trust watchdog-agent proxy-record",
                          ask,
                          judge,
                          plan_apply,
                          plan_remove};

}  // namespace halton::setup::layers
