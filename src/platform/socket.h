// Socket: one connected, non-blocking TCP socket, owned. Plain system calls as values; waiting is
// somebody else's business (platform/readiness.h, net/).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace halton::platform {

struct IoResult {
    enum class Status { ok, would_block, end, failed };
    Status status = Status::ok;
    std::size_t bytes = 0;
    int error = 0;  // errno when failed
};

class Socket {
public:
    Socket() = default;
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~Socket() { close(); }

    bool is_open() const { return descriptor_ >= 0; }
    int descriptor() const { return descriptor_; }
    int release() { return std::exchange(descriptor_, -1); }
    void close();

    IoResult receive(std::span<char> buffer) const;
    IoResult send(std::string_view bytes) const;
    void shutdown_write() const;

    // The next close() sends a reset instead of an orderly end, so that a torn connection on one
    // side looks torn on the other.
    void reset_on_close() const;
    // Takes that back.
    void end_on_close() const;

private:
    int descriptor_ = -1;
};

}  // namespace halton::platform
