#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/limits.h"
#include "base/text.h"
#include "platform/environment.h"
#include "platform/process.h"
#include "platform/supervisor.h"

namespace halton::platform {
namespace {

constexpr int first_given = 3;  // behind stdin, stdout and stderr

// The next of "a:b:c".
std::string take_name(std::string_view& names) {
    const auto colon = names.find(':');
    const std::string name(names.substr(0, colon));
    names = colon == std::string_view::npos ? std::string_view() : names.substr(colon + 1);
    return name;
}

}  // namespace

std::vector<GivenSocket> take_given_sockets(const char*) {
    const auto count = read_variable("LISTEN_FDS");
    const auto pid = read_variable("LISTEN_PID");
    const auto all_names = read_variable("LISTEN_FDNAMES");
    for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(name);
    std::vector<GivenSocket> given;
    if (!count || !pid) return given;
    if (parse_decimal(*pid) != static_cast<std::uint64_t>(own_pid())) return given;
    const auto number = parse_decimal(*count);
    if (!number || *number > limits::given_socket_count_max) return given;
    std::string_view names = all_names ? std::string_view(*all_names) : std::string_view();
    for (int i = 0; i < static_cast<int>(*number); ++i) {
        auto name = take_name(names);
        const int flags = ::fcntl(first_given + i, F_GETFD);
        if (flags < 0) continue;  // promised, and not there
        ::fcntl(first_given + i, F_SETFD, flags | FD_CLOEXEC);
        given.push_back({std::move(name), Socket(first_given + i)});
    }
    return given;
}

void tell_supervisor(std::string_view lines) {
    // A path, or "@" and an abstract name.
    const auto where = read_variable("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (!where || where->size() >= sizeof address.sun_path) return;
    if (where->front() != '/' && where->front() != '@') return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, where->data(), where->size());
    if (where->front() == '@') address.sun_path[0] = '\0';
    const Socket socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.is_open()) return;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + where->size());
    // A supervisor that does not take it finds out by its own time-out.
    [[maybe_unused]] const auto sent =
        ::sendto(socket.descriptor(), lines.data(), lines.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace halton::platform
