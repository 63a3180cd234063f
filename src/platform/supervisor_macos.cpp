#include <fcntl.h>
#include <launch.h>

#include <cstdlib>

#include "base/limits.h"
#include "platform/supervisor.h"

namespace halton::platform {

std::vector<GivenSocket> take_given_sockets(const char* name) {
    std::vector<GivenSocket> given;
    int* descriptors = nullptr;
    std::size_t count = 0;
    // Fails where launchd did not start us, or its plist has no such key.
    if (::launch_activate_socket(name, &descriptors, &count) != 0) return given;
    for (std::size_t i = 0; i < count; ++i) {
        Socket socket(descriptors[i]);
        if (i >= limits::given_socket_count_max) continue;  // closed
        ::fcntl(socket.descriptor(), F_SETFD, FD_CLOEXEC);
        given.push_back({name, std::move(socket)});
    }
    std::free(descriptors);
    return given;
}

void tell_supervisor(std::string_view) {}  // launchd does not listen

}  // namespace halton::platform
