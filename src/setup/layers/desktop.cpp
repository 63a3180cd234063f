#include "setup/layers/desktop.h"

#include <algorithm>

#include "config/config.h"

namespace halton::setup {

std::string system_state_file(const Facts& facts) {
    return facts.folders.in_data("system_state.json");
}

std::vector<std::uint16_t> edge_ports(const Facts& facts) {
    std::vector<std::uint16_t> ports{facts.ports.edge_port};
    for (const auto port : {facts.configured_ports.edge_port, config::Config{}.edge_port})
        if (port != 0 && std::find(ports.begin(), ports.end(), port) == ports.end())
            ports.push_back(port);
    return ports;
}

}  // namespace halton::setup
