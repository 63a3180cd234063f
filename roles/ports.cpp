#include "roles/ports.h"

#include <algorithm>

namespace halton::roles {

config::EffectivePorts find_ports(const platform::Home& home, const config::Config& config) {
    auto ports = platform::read_ports(home).value_or(config::EffectivePorts{});
    if (ports.edge_port == 0) ports.edge_port = config.edge_port;
    if (ports.internal_port == 0) ports.internal_port = config.internal_port;
    if (ports.api_port == 0) ports.api_port = config.api_port;
    return ports;
}

std::uint16_t find_edge_port() {
    const auto home = platform::find_home();
    if (!home) return config::Config{}.edge_port;
    return find_ports(*home, platform::read_config(*home).config).edge_port;
}

std::vector<std::uint16_t> find_edge_ports() {
    std::vector<std::uint16_t> ports{config::Config{}.edge_port};
    const auto add = [&ports](std::uint16_t port) {
        if (port != 0 && std::find(ports.begin(), ports.end(), port) == ports.end())
            ports.push_back(port);
    };
    if (const auto home = platform::find_home()) {
        const auto config = platform::read_config(*home).config;
        add(config.edge_port);
        add(find_ports(*home, config).edge_port);
    }
    return ports;
}

}  // namespace halton::roles
