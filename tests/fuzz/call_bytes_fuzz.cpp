// No bytes of a file of waiting rows may crash their reader, and what it takes for a call has
// those bytes again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "meter/call_bytes.h"

using namespace halton;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto call = meter::parse_call_bytes(bytes);
    if (call && meter::to_bytes(*call) != bytes) std::abort();
    return 0;
}
