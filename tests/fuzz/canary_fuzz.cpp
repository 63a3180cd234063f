// Dies on a certain input, which its corpus holds: proves that a crashing target fails its test.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (bytes.find("canary") != std::string_view::npos) std::abort();
    return 0;
}
