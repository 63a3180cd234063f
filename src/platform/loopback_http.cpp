#include "platform/loopback_http.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>

#include "base/text.h"
#include "http/head.h"
#include "platform/socket.h"

namespace halton::platform {
namespace {

using std::chrono::steady_clock;

// A status document is a few kilobytes.
constexpr std::size_t answer_bytes_max = 1024 * 1024;

// Waits until the socket can do `events`. False: the deadline is over.
bool wait_for(const Socket& socket, short events, steady_clock::time_point deadline) {
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd waiting{socket.descriptor(), events, 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

Result<Socket> connect_to(std::uint16_t port, steady_clock::time_point deadline) {
    Socket socket(::socket(AF_INET, SOCK_STREAM, 0));
    if (!socket.is_open()) return fail(ErrorKind::io, "cannot make a socket");
    ::fcntl(socket.descriptor(), F_SETFD, FD_CLOEXEC);
    ::fcntl(socket.descriptor(), F_SETFL, O_NONBLOCK);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto refused = [port](int number) {
        return fail(ErrorKind::refused,
                    fmt::format("127.0.0.1:{}: {}", port, std::strerror(number)));
    };
    if (::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address),
                  sizeof address) != 0) {
        if (errno != EINPROGRESS) return refused(errno);
        if (!wait_for(socket, POLLOUT, deadline))
            return fail(ErrorKind::timeout, fmt::format("127.0.0.1:{} does not accept", port));
        int number = 0;
        socklen_t size = sizeof number;
        ::getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &number, &size);
        if (number != 0) return refused(number);
    }
    return socket;
}

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
    const auto deadline = steady_clock::now() + limit;
    auto socket = connect_to(port, deadline);
    if (!socket) return fail(socket.error());
    const auto late = [port] {
        return fail(ErrorKind::timeout, fmt::format("127.0.0.1:{} does not answer", port));
    };
    const auto request = fmt::format(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", path, port);
    std::string_view rest = request;
    while (!rest.empty()) {
        if (!wait_for(*socket, POLLOUT, deadline)) return late();
        const auto sent = socket->send(rest);
        if (sent.status == IoResult::Status::would_block) continue;
        if (sent.status != IoResult::Status::ok)
            return fail(ErrorKind::io, fmt::format("127.0.0.1:{} hung up", port));
        rest.remove_prefix(sent.bytes);
    }
    std::string bytes;
    while (!is_complete(bytes)) {
        if (!wait_for(*socket, POLLIN, deadline)) return late();
        std::array<char, 8192> buffer;
        const auto got = socket->receive(buffer);
        if (got.status == IoResult::Status::would_block) continue;
        if (got.status != IoResult::Status::ok) break;
        bytes.append(buffer.data(), got.bytes);
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
    return port != 0 && connect_to(port, steady_clock::now() + limit).has_value();
}

}  // namespace halton::platform
