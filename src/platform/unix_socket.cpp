#include "platform/unix_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "platform/process.h"

namespace halton::platform {
namespace {

tl::unexpected<Error> failed(int error, const std::filesystem::path& path) {
    ErrorKind kind = ErrorKind::io;
    if (error == ENOENT) kind = ErrorKind::not_found;
    if (error == ECONNREFUSED) kind = ErrorKind::refused;
    if (error == EACCES || error == EPERM || error == EROFS) kind = ErrorKind::permission;
    if (error == EAGAIN) kind = ErrorKind::busy;
    return fail(kind, fmt::format("{}: {}", path.string(), std::strerror(error)));
}

Result<sockaddr_un> to_address(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto& text = path.native();
    if (text.size() >= sizeof address.sun_path)
        return fail(ErrorKind::too_large, fmt::format("{}: longer than the {} bytes that the name "
                                                      "of a socket may have",
                                                      text, sizeof address.sun_path - 1));
    std::memcpy(address.sun_path, text.data(), text.size());
    return address;
}

Result<Socket> make_socket() {
    Socket socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    if (!socket.is_open()) return fail(ErrorKind::io, "no unix socket");
    ::fcntl(socket.descriptor(), F_SETFD, FD_CLOEXEC);
    ::fcntl(socket.descriptor(), F_SETFL, O_NONBLOCK);
    return socket;
}

// 0: there is no such file.
std::uint64_t find_file_id(const std::filesystem::path& path) {
    struct ::stat facts {};
    return ::lstat(path.c_str(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_ino) : 0;
}

const sockaddr* raw(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Result<NamedListener> listen_at(const std::filesystem::path& path) {
    // Under another name first: the rename then takes the place of a socket that others may be
    // connecting to at this moment.
    auto draft = path;
    draft += fmt::format(".{}", own_pid());
    const auto address = to_address(draft);
    if (!address) return fail(address.error());
    auto socket = make_socket();
    if (!socket) return fail(socket.error());
    std::error_code ignored;
    std::filesystem::remove(draft, ignored);
    const auto old_mask = ::umask(0177);
    const int bound = ::bind(socket->descriptor(), raw(*address), sizeof *address);
    const int error = errno;
    ::umask(old_mask);
    if (bound != 0) return failed(error, draft);
    NamedListener listener{std::move(*socket), path, find_file_id(draft)};
    if (::listen(listener.socket.descriptor(), 8) == 0 &&
        ::rename(draft.c_str(), path.c_str()) == 0)
        return listener;
    const auto why = failed(errno, path);
    std::filesystem::remove(draft, ignored);
    return why;
}

Result<Socket> connect_to(const std::filesystem::path& path) {
    const auto address = to_address(path);
    if (!address) return fail(address.error());
    auto socket = make_socket();
    if (!socket) return socket;
    if (::connect(socket->descriptor(), raw(*address), sizeof *address) != 0)
        return failed(errno, path);
    return socket;
}

Result<Socket> accept_from(const Socket& listener) {
    Socket socket(::accept(listener.descriptor(), nullptr, nullptr));
    if (!socket.is_open()) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return fail(ErrorKind::busy, "nobody waits");
        return fail(ErrorKind::io, fmt::format("accept: {}", std::strerror(errno)));
    }
    ::fcntl(socket.descriptor(), F_SETFD, FD_CLOEXEC);
    ::fcntl(socket.descriptor(), F_SETFL, O_NONBLOCK);
    return socket;
}

void remove_name(const NamedListener& listener) {
    std::error_code ignored;
    if (listener.file_id != 0 && find_file_id(listener.path) == listener.file_id)
        std::filesystem::remove(listener.path, ignored);
}

Result<void> send_descriptor(int descriptor, std::string_view text, int passed) {
    iovec bytes{const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    const auto sent = ::sendmsg(descriptor, &message, 0);
    if (sent == static_cast<ssize_t>(text.size())) return {};
    return fail(ErrorKind::io, fmt::format("sendmsg: {}", std::strerror(errno)));
}

Result<ReceivedDescriptor> receive_descriptor(int descriptor, std::span<char> buffer) {
    iovec bytes{buffer.data(), buffer.size()};
    // Room for some more than one, so that a peer that sends too many is noticed.
    alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto count = ::recvmsg(descriptor, &message, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return fail(ErrorKind::busy, "nothing came yet");
    if (count < 0) return fail(ErrorKind::io, fmt::format("recvmsg: {}", std::strerror(errno)));
    ReceivedDescriptor received;
    received.bytes = static_cast<std::size_t>(count);
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const auto fd_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < fd_count; ++i) {
            int passed = -1;
            std::memcpy(&passed, CMSG_DATA(header) + i * sizeof(int), sizeof passed);
            Socket one(passed);
            ::fcntl(passed, F_SETFD, FD_CLOEXEC);
            if (!received.passed.is_open()) received.passed = std::move(one);
        }
    }
    if (count == 0) return fail(ErrorKind::closed, "the other end closed the connection");
    return received;
}

Result<ListeningFacts> look_at_listener(int descriptor) {
    int type = 0;
    int is_listening = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        return fail(ErrorKind::unsupported, "the given descriptor is no TCP socket");
    size = sizeof is_listening;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0 ||
        is_listening == 0)
        return fail(ErrorKind::unsupported, "the given socket does not listen");
    sockaddr_storage storage{};
    size = sizeof storage;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return fail(ErrorKind::unsupported, "the given socket has no address");
    if (storage.ss_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &storage, sizeof address);
        if (ntohl(address.sin_addr.s_addr) >> 24 == 127)
            return ListeningFacts{false, ntohs(address.sin_port)};
    } else if (storage.ss_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, &storage, sizeof address);
        if (IN6_IS_ADDR_LOOPBACK(&address.sin6_addr))
            return ListeningFacts{true, ntohs(address.sin6_port)};
    }
    return fail(ErrorKind::unsupported, "the given socket listens not on loopback only");
}

}  // namespace halton::platform
