#include "roles/ports.h"

namespace halton::roles {

config::EffectivePorts find_ports(const platform::Home& home, const config::Config& config) {
    auto ports = platform::read_ports(home).value_or(config::EffectivePorts{});
    if (ports.edge_port == 0) ports.edge_port = config.edge_port;
    if (ports.internal_port == 0) ports.internal_port = config.internal_port;
    if (ports.api_port == 0) ports.api_port = config.api_port;
    return ports;
}

}  // namespace halton::roles
