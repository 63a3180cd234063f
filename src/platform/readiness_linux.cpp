#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

#include "platform/readiness.h"

namespace halton::platform {

Result<ReadinessSet> ReadinessSet::make() {
    const int handle = ::epoll_create1(EPOLL_CLOEXEC);
    if (handle < 0) return fail(ErrorKind::io, std::string("epoll_create1: ") + strerror(errno));
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
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = watcher;
    if (::epoll_ctl(handle_, EPOLL_CTL_ADD, socket, &event) != 0)
        return fail(ErrorKind::io, std::string("epoll_ctl: ") + strerror(errno));
    return {};
}

void ReadinessSet::remove(int socket) { ::epoll_ctl(handle_, EPOLL_CTL_DEL, socket, nullptr); }

std::size_t ReadinessSet::poll(std::span<Readiness> out) {
    std::array<epoll_event, 256> events;
    const auto wanted = static_cast<int>(std::min(out.size(), events.size()));
    const int count = ::epoll_wait(handle_, events.data(), wanted, 0);
    if (count <= 0) return 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const std::uint32_t bits = events[i].events;
        out[i] = {events[i].data.ptr, (bits & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
                  (bits & (EPOLLOUT | EPOLLERR)) != 0,
                  (bits & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0};
    }
    return static_cast<std::size_t>(count);
}

}  // namespace halton::platform
