// What the layers of the desktops' proxy settings share. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "setup/layer.h"

namespace halton::setup {

std::string system_state_file(const Facts& facts);

// Ports that were or are our edge's: a setting that leads there is ours.
std::vector<std::uint16_t> edge_ports(const Facts& facts);

}  // namespace halton::setup
