#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/event.h>
#include <unistd.h>

#include "platform/readiness.h"

namespace halton::platform {

Result<ReadinessSet> ReadinessSet::make() {
    const int handle = ::kqueue();
    if (handle < 0) return fail(ErrorKind::io, std::string("kqueue: ") + strerror(errno));
    return ReadinessSet(handle);
}

ReadinessSet::ReadinessSet(ReadinessSet&& other) noexcept
    : handle_(std::exchange(other.handle_, -1)) {}

ReadinessSet& ReadinessSet::operator=(ReadinessSet&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
}

ReadinessSet::~ReadinessSet() {
    if (handle_ >= 0) ::close(handle_);
}

Result<void> ReadinessSet::add(int socket, void* watcher) {
    std::array<struct kevent, 2> changes;
    EV_SET(&changes[0], socket, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, watcher);
    EV_SET(&changes[1], socket, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0, watcher);
    if (::kevent(handle_, changes.data(), 2, nullptr, 0, nullptr) != 0)
        return fail(ErrorKind::io, std::string("kevent: ") + strerror(errno));
    return {};
}

void ReadinessSet::remove(int socket) {
    std::array<struct kevent, 2> changes;
    EV_SET(&changes[0], socket, EVFILT_READ, EV_DELETE, 0, 0, nullptr);
    EV_SET(&changes[1], socket, EVFILT_WRITE, EV_DELETE, 0, 0, nullptr);
    ::kevent(handle_, changes.data(), 2, nullptr, 0, nullptr);
}

std::size_t ReadinessSet::poll(std::span<Readiness> out) {
    std::array<struct kevent, 256> events;
    const timespec now{};
    const auto wanted = static_cast<int>(std::min(out.size(), events.size()));
    const int count = ::kevent(handle_, nullptr, 0, events.data(), wanted, &now);
    if (count <= 0) return 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const auto& event = events[i];
        const bool is_ending = (event.flags & EV_EOF) != 0;
        out[i] = {event.udata, event.filter == EVFILT_READ || is_ending,
                  event.filter == EVFILT_WRITE, is_ending};
    }
    return static_cast<std::size_t>(count);
}

}  // namespace halton::platform
