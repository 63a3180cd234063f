// The ports in force for verbs: those of the last start where known, else the configured ones.
#pragma once

#include "config/config.h"
#include "config/ports_file.h"
#include "platform/home.h"

namespace halton::roles {

config::EffectivePorts find_ports(const platform::Home& home, const config::Config& config);

}  // namespace halton::roles
