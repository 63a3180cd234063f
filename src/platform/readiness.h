// ReadinessSet: which of many sockets can be read or written now, edge-triggered.
// epoll on Linux, kqueue on macOS. Registering costs one system call for a socket's whole life,
// waiting costs one for a batch: an idle socket costs the kernel's entry and nothing here.
// Thread: one. Owner of sockets: the caller; remove() before closing.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"

namespace halton::platform {

struct Readiness {
    void* watcher = nullptr;  // as given to add()
    bool is_readable = false;
    bool is_writable = false;
    // The peer ended its side or the socket failed. Bytes may still wait in front of the end, and
    // no further event will tell of it: read until it shows.
    bool is_ending = false;
};

class ReadinessSet {
public:
    static Result<ReadinessSet> make();
    ReadinessSet(ReadinessSet&& other) noexcept;
    ReadinessSet& operator=(ReadinessSet&& other) noexcept;
    ~ReadinessSet();

    // Reports `watcher` after each change of readability or writability of `socket`, beginning
    // with its state now. Errors: io (no kernel memory).
    Result<void> add(int socket, void* watcher);
    void remove(int socket);

    // What changed since the last call; never waits. Returns how many of `out` were filled.
    std::size_t poll(std::span<Readiness> out);

    // Becomes readable when poll() has something to tell.
    int handle() const { return handle_; }

private:
    explicit ReadinessSet(int handle) : handle_(handle) {}
    int handle_ = -1;
};

}  // namespace halton::platform
