// effective-ports.json text <-> values: the ports chosen at the last start. The single source of
// truth for every component that wants to talk to another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace halton::config {

// 0 = not known.
struct EffectivePorts {
    std::uint16_t edge_port = 0;
    std::uint16_t internal_port = 0;
    std::uint16_t api_port = 0;
    int edge_pid = 0;
    int daemon_pid = 0;
    bool operator==(const EffectivePorts&) const = default;
};

// Errors: malformed. Unknown keys are ignored, missing ones are 0.
Result<EffectivePorts> parse_ports_file(std::string_view json);

// {"edge_port":8081,...,"written_at":"...","version":"x.y.z"}
std::string to_ports_file(const EffectivePorts& ports, UtcTime written_at,
                          std::string_view version);

}  // namespace halton::config
