#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/unix_socket.h"

namespace halton::platform {

Result<std::uint32_t> find_peer_uid(int descriptor) {
    uid_t uid = 0;
    gid_t gid = 0;
    if (::getpeereid(descriptor, &uid, &gid) != 0)
        return fail(ErrorKind::io, std::string("getpeereid: ") + std::strerror(errno));
    return static_cast<std::uint32_t>(uid);
}

}  // namespace halton::platform
