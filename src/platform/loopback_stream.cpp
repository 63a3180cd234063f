#include "platform/loopback_stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace halton::platform {
namespace {

using std::chrono::steady_clock;

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

Result<Socket> open_socket(std::uint16_t port, steady_clock::time_point deadline) {
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

}  // namespace

Result<LoopbackStream> LoopbackStream::connect(std::uint16_t port,
                                               std::chrono::milliseconds limit) {
    const auto until = steady_clock::now() + limit;
    auto socket = open_socket(port, until);
    if (!socket) return fail(socket.error());
    return LoopbackStream(std::move(*socket), port, until);
}

Result<void> LoopbackStream::send(std::string_view bytes) {
    while (!bytes.empty()) {
        if (!wait_for(socket_, POLLOUT, until_))
            return fail(ErrorKind::timeout, fmt::format("127.0.0.1:{} takes nothing", port_));
        const auto sent = socket_.send(bytes);
        if (sent.status == IoResult::Status::would_block) continue;
        if (sent.status != IoResult::Status::ok)
            return fail(ErrorKind::io, fmt::format("127.0.0.1:{} hung up", port_));
        bytes.remove_prefix(sent.bytes);
    }
    return {};
}

Result<void> LoopbackStream::receive(std::string& bytes) {
    for (;;) {
        if (!wait_for(socket_, POLLIN, until_))
            return fail(ErrorKind::timeout, fmt::format("127.0.0.1:{} does not answer", port_));
        std::array<char, 8192> buffer;
        const auto got = socket_.receive(buffer);
        if (got.status == IoResult::Status::would_block) continue;
        if (got.status == IoResult::Status::end)
            return fail(ErrorKind::closed, fmt::format("127.0.0.1:{} closed", port_));
        if (got.status != IoResult::Status::ok)
            return fail(ErrorKind::io, fmt::format("127.0.0.1:{} hung up", port_));
        bytes.append(buffer.data(), got.bytes);
        return {};
    }
}

}  // namespace halton::platform
