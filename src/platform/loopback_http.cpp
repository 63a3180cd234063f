#include "platform/loopback_http.h"

#include <string_view>

#include <fmt/format.h>

#include "base/text.h"
#include "http/head.h"
#include "platform/loopback_stream.h"

namespace halton::platform {
namespace {

// A status document is a few kilobytes.
constexpr std::size_t answer_bytes_max = 1024 * 1024;

// Everything up to the server's close, which "Connection: close" asks for, or up to the length
// that the head names.
bool is_complete(std::string_view bytes) {
    std::size_t scanned = 0;
    const auto end = http::find_head_end(bytes, scanned);
    if (end == 0) return false;
    const auto head = http::parse_response_head(bytes.substr(0, end));
    if (!head) return true;
    const auto* length = head->headers.find("content-length");
    const auto count = length ? parse_decimal(*length) : std::nullopt;
    return count && bytes.size() - end >= *count;
}

}  // namespace

Result<LoopbackAnswer> get_loopback(std::uint16_t port, const std::string& path,
                                    std::chrono::milliseconds limit) {
    auto stream = LoopbackStream::connect(port, limit);
    if (!stream) return fail(stream.error());
    const auto sent = stream->send(fmt::format(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", path, port));
    if (!sent) return fail(sent.error());
    std::string bytes;
    while (!is_complete(bytes)) {
        const auto more = stream->receive(bytes);
        if (!more && more.error().kind == ErrorKind::timeout) return fail(more.error());
        if (!more) break;
        if (bytes.size() > answer_bytes_max)
            return fail(ErrorKind::too_large, fmt::format("127.0.0.1:{}: endless answer", port));
    }
    std::size_t scanned = 0;
    const auto end = http::find_head_end(bytes, scanned);
    const auto head = http::parse_response_head(std::string_view(bytes).substr(0, end));
    if (end == 0 || !head)
        return fail(ErrorKind::malformed, fmt::format("127.0.0.1:{} does not speak HTTP", port));
    return LoopbackAnswer{head->status, bytes.substr(end)};
}

bool is_listening(std::uint16_t port, std::chrono::milliseconds limit) {
    return port != 0 && LoopbackStream::connect(port, limit).has_value();
}

}  // namespace halton::platform
