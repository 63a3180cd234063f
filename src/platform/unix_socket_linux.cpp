#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "platform/unix_socket.h"

namespace halton::platform {

Result<std::uint32_t> find_peer_uid(int descriptor) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail(ErrorKind::io, std::string("SO_PEERCRED: ") + std::strerror(errno));
    return static_cast<std::uint32_t>(peer.uid);
}

}  // namespace halton::platform
