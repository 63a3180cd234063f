// The ports in force for verbs: those of the last start where known, else the configured ones.
#pragma once

#include <cstdint>
#include <vector>

#include "config/config.h"
#include "config/ports_file.h"
#include "platform/home.h"

namespace halton::roles {

config::EffectivePorts find_ports(const platform::Home& home, const config::Config& config);

// The edge's port of the last start, else the configured one, else the default: known also without
// a readable home or config. What leads there was set by us.
std::uint16_t find_edge_port();

// Every port that a proxy setting of ours may name: the default one, the configured one, that of
// the last start: for the way out, which must not depend on any of them being right.
std::vector<std::uint16_t> find_edge_ports();

}  // namespace halton::roles
