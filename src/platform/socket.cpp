#include "platform/socket.h"

#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

namespace halton::platform {
namespace {

IoResult failed_with(int error) {
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR)
        return {IoResult::Status::would_block, 0, 0};
    return {IoResult::Status::failed, 0, error};
}

}  // namespace

void Socket::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

IoResult Socket::receive(std::span<char> buffer) const {
    const auto count = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (count > 0) return {IoResult::Status::ok, static_cast<std::size_t>(count), 0};
    if (count == 0) return {IoResult::Status::end, 0, 0};
    return failed_with(errno);
}

IoResult Socket::send(std::string_view bytes) const {
    // SIGPIPE is ignored by every role (platform/process.h).
    const auto count = ::send(descriptor_, bytes.data(), bytes.size(), 0);
    if (count >= 0) return {IoResult::Status::ok, static_cast<std::size_t>(count), 0};
    return failed_with(errno);
}

void Socket::shutdown_write() const { ::shutdown(descriptor_, SHUT_WR); }

void Socket::reset_on_close() const {
    const linger reset{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void Socket::end_on_close() const {
    const linger orderly{0, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &orderly, sizeof orderly);
}

}  // namespace halton::platform
