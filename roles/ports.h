// The ports in force for verbs: those of the last start where known, else the configured ones.
#pragma once

#include <cstdint>
#include <vector>

#include "config/config.h"
#include "config/ports_file.h"
#include "platform/home.h"

namespace halton::roles {

config::EffectivePorts find_ports(const platform::Home& home, const config::Config& config);

// Every port that a proxy setting of ours may name: the default one, the configured one, that of
// the last start. The first is known also without a readable home or config.
std::vector<std::uint16_t> find_edge_ports();

}  // namespace halton::roles
