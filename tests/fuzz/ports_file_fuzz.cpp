// No effective-ports.json may crash its reader, and what was read is written and read as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/ports_file.h"

using namespace halton;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto ports = config::parse_ports_file(text);
    if (!ports) return 0;
    if (ports->edge_pid < 0 || ports->daemon_pid < 0) std::abort();
    const auto again = config::parse_ports_file(config::to_ports_file(*ports, UtcTime{}, "1.2.3"));
    if (!again || !(*again == *ports)) std::abort();
    return 0;
}
