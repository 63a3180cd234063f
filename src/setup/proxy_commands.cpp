#include "setup/proxy_commands.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"

namespace halton::setup {
namespace {

constexpr std::array loopback_domains{"localhost", "127.0.0.1", "::1"};
constexpr std::array both_kinds{ProxyKind::web, ProxyKind::secure_web};

std::string_view word_of(ProxyKind kind) {
    return kind == ProxyKind::web ? "webproxy" : "securewebproxy";
}

const ProxySetting& setting_of(const NetworkService& service, ProxyKind kind) {
    return kind == ProxyKind::web ? service.web : service.secure_web;
}

Argv network_setup(std::string_view verb, std::string_view service) {
    return {"networksetup", fmt::format("-{}", verb), std::string(service)};
}

Argv switch_command(std::string_view service, ProxyKind kind, bool is_on) {
    auto argv = network_setup(fmt::format("set{}state", word_of(kind)), service);
    argv.emplace_back(is_on ? "on" : "off");
    return argv;
}

// Also switches it on.
Argv set_command(std::string_view service, ProxyKind kind, std::string_view server,
                 std::uint16_t port) {
    auto argv = network_setup(fmt::format("set{}", word_of(kind)), service);
    argv.emplace_back(server);
    argv.push_back(fmt::format("{}", port));
    return argv;
}

Argv set_bypass_command(std::string_view service, const std::vector<std::string>& domains) {
    auto argv = network_setup("setproxybypassdomains", service);
    if (domains.empty())
        argv.emplace_back("Empty");  // networksetup's word for none
    else
        argv.insert(argv.end(), domains.begin(), domains.end());
    return argv;
}

bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::any_of(list.begin(), list.end(), [word](const std::string& entry) {
        return is_equal_ignoring_case(entry, word);
    });
}

std::vector<std::string> with_loopback(std::vector<std::string> domains) {
    for (const auto* name : loopback_domains)
        if (!contains(domains, name)) domains.emplace_back(name);
    return domains;
}

// Today's list without what plan_on added to the list of before.
std::vector<std::string> without_added(const std::vector<std::string>& now,
                                       const std::vector<std::string>& before) {
    if (now == with_loopback(before)) return before;
    std::vector<std::string> kept;
    for (const auto& entry : now) {
        const bool is_loopback =
            std::any_of(loopback_domains.begin(), loopback_domains.end(),
                        [&](const char* name) { return is_equal_ignoring_case(entry, name); });
        if (!is_loopback || contains(before, entry)) kept.push_back(entry);
    }
    return kept;
}

template <class OnLine>
void for_each_line(std::string_view text, OnLine on_line) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (const auto line = trim(text.substr(0, end)); !line.empty()) on_line(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace

Argv list_services_command() { return {"networksetup", "-listallnetworkservices"}; }

Argv get_proxy_command(std::string_view service, ProxyKind kind) {
    return network_setup(fmt::format("get{}", word_of(kind)), service);
}

Argv get_bypass_command(std::string_view service) {
    return network_setup("getproxybypassdomains", service);
}

Argv switch_proxy_off_command(std::string_view service, ProxyKind kind) {
    return switch_command(service, kind, false);
}

std::optional<std::vector<std::string>> parse_services(std::string_view printed) {
    // "An asterisk (*) denotes that a network service is disabled.", then a name a line.
    bool has_heading = false;
    std::vector<std::string> services;
    for_each_line(printed, [&](std::string_view line) {
        if (!has_heading && line.find("(*)") != std::string_view::npos)
            has_heading = true;
        else if (has_heading && line.front() != '*')
            services.emplace_back(line);
    });
    if (!has_heading) return std::nullopt;
    return services;
}

std::optional<ProxySetting> parse_proxy(std::string_view printed) {
    ProxySetting setting;
    bool has_state = false;
    for_each_line(printed, [&](std::string_view line) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return;
        const auto key = line.substr(0, colon);
        const auto value = trim(line.substr(colon + 1));
        if (key == "Enabled") {
            has_state = value == "Yes" || value == "No";
            setting.is_on = value == "Yes";
        }
        if (key == "Server" && value != "(null)") setting.server = value;
        if (key == "Port") {
            const auto port = parse_decimal(value).value_or(0);
            if (port <= std::numeric_limits<std::uint16_t>::max())
                setting.port = static_cast<std::uint16_t>(port);
        }
        if (key == "Authenticated Proxy Enabled") setting.has_login = value == "1";
    });
    if (!has_state) return std::nullopt;
    return setting;
}

std::vector<std::string> parse_bypass(std::string_view printed) {
    std::vector<std::string> domains;
    for_each_line(printed, [&](std::string_view line) {
        // "There aren't any bypass domains set on Wi-Fi." An entry has no blanks.
        if (line.find(' ') == std::string_view::npos) domains.emplace_back(line);
    });
    return domains;
}

std::vector<Argv> ask_network_services(const Facts& facts) {
    std::vector<Argv> questions{list_services_command()};
    const auto& listed = facts.command(list_services_command());
    const auto services = listed.started && listed.exit_code == 0
                              ? parse_services(listed.output).value_or(std::vector<std::string>{})
                              : std::vector<std::string>{};
    for (const auto& service : services) {
        for (const auto kind : both_kinds) questions.push_back(get_proxy_command(service, kind));
        questions.push_back(get_bypass_command(service));
    }
    return questions;
}

std::vector<NetworkService> see_network_services(const Facts& facts) {
    std::vector<NetworkService> seen;
    const auto answer = [&facts](const Argv& argv) -> const CommandFact* {
        const auto& fact = facts.command(argv);
        return fact.started && fact.exit_code == 0 ? &fact : nullptr;
    };
    const auto* listed = answer(list_services_command());
    const auto services = listed ? parse_services(listed->output) : std::nullopt;
    if (!services) return seen;
    for (const auto& name : *services) {
        const auto* web = answer(get_proxy_command(name, ProxyKind::web));
        const auto* secure = answer(get_proxy_command(name, ProxyKind::secure_web));
        const auto* bypass = answer(get_bypass_command(name));
        if (!web || !secure || !bypass) continue;
        const auto web_setting = parse_proxy(web->output);
        const auto secure_setting = parse_proxy(secure->output);
        if (!web_setting || !secure_setting) continue;
        seen.push_back({name, *web_setting, *secure_setting, parse_bypass(bypass->output)});
    }
    return seen;
}

bool has_foreign_proxy(const NetworkService& service, const Ports& ports) {
    return std::any_of(both_kinds.begin(), both_kinds.end(), [&](ProxyKind kind) {
        const auto& setting = setting_of(service, kind);
        return setting.is_on && !setting.server.empty() && !points_at_us(setting, ports);
    });
}

bool is_switched_on(const NetworkService& service, std::uint16_t edge_port) {
    return plan_on(service, edge_port).empty();
}

std::vector<RunCommand> plan_on(const NetworkService& service, std::uint16_t edge_port) {
    std::vector<RunCommand> commands;
    const auto wanted = with_loopback(service.bypass_domains);
    if (wanted != service.bypass_domains)
        commands.push_back({.argv = set_bypass_command(service.name, wanted),
                            .undo = set_bypass_command(service.name, service.bypass_domains)});
    for (const auto kind : both_kinds) {
        const auto& setting = setting_of(service, kind);
        if (is_ours(setting, {edge_port})) continue;
        auto argv = set_command(service.name, kind, "127.0.0.1", edge_port);
        if (setting.has_login) argv.emplace_back("off");
        commands.push_back(
            {.argv = std::move(argv), .undo = switch_proxy_off_command(service.name, kind)});
    }
    return commands;
}

std::vector<RunCommand> plan_off(const NetworkService& service, const Ports& ports) {
    std::vector<RunCommand> commands;
    for (const auto kind : both_kinds)
        if (is_ours(setting_of(service, kind), ports))
            commands.push_back({.argv = switch_proxy_off_command(service.name, kind)});
    return commands;
}

std::vector<RunCommand> plan_restore(const NetworkService& service, const NetworkService* before,
                                     const Ports& ports) {
    auto commands = plan_off(service, ports);
    if (!before) return commands;
    for (const auto kind : both_kinds) {
        const auto& was = setting_of(*before, kind);
        if (!points_at_us(setting_of(service, kind), ports)) continue;
        // Setting switches on. An empty server has no documented form: where it is refused, ours
        // stays as the server of a proxy that is off.
        commands.push_back({.argv = set_command(service.name, kind, was.server, was.port),
                            .may_fail = was.server.empty()});
        if (!was.is_on) commands.push_back({.argv = switch_proxy_off_command(service.name, kind)});
    }
    const auto domains = without_added(service.bypass_domains, before->bypass_domains);
    if (domains != service.bypass_domains)
        commands.push_back({.argv = set_bypass_command(service.name, domains)});
    return commands;
}

}  // namespace halton::setup
