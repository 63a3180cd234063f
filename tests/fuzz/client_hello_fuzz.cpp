// No bytes may crash the ClientHello reader, and the verdict must not depend on the cut.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tls/client_hello.h"

using namespace halton::tls;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const HelloRead whole = read_client_hello(bytes);
    // Once decided, more bytes change nothing; before that, fewer bytes decide nothing else.
    const std::size_t step = size / 64 + 1;
    for (std::size_t length = 0; length < size; length += step) {
        const HelloRead part = read_client_hello(bytes.substr(0, length));
        if (part.state == HelloState::need_more) continue;
        if (part.state != whole.state || part.hello.server_name != whole.hello.server_name ||
            part.hello.alpn != whole.hello.alpn)
            std::abort();
    }
    for (const char c : whole.hello.server_name)
        if (c <= ' ' || c >= 0x7f || (c >= 'A' && c <= 'Z')) std::abort();
    return 0;
}
