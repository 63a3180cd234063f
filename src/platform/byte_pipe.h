// BytePipe: moves bytes from one socket to another inside the kernel (splice(2) on Linux).
// Where the system has no such call, `is_supported()` is false and callers copy.
// Pipes are pooled a thread: one is borrowed only while bytes are in flight.
#pragma once

#include <cstddef>

namespace halton::platform {

struct MoveResult {
    std::ptrdiff_t bytes = 0;  // > 0 moved; 0 end of stream; -1 failed
    int error = 0;             // errno when bytes is -1; EAGAIN: try again when ready
};

class BytePipe {
public:
    static bool is_supported();

    BytePipe() = default;
    BytePipe(const BytePipe&) = delete;
    BytePipe& operator=(const BytePipe&) = delete;
    ~BytePipe();

    // Takes what `socket` has, at most `bytes_max`, into the pipe.
    MoveResult fill(int socket, std::size_t bytes_max);
    // Gives what the pipe holds to `socket`.
    MoveResult drain(int socket);

    std::size_t held_bytes() const { return held_bytes_; }
    // Gives an empty pipe back to the pool; does nothing while bytes are held.
    void give_back();

private:
    int ends_[2] = {-1, -1};
    std::size_t held_bytes_ = 0;
};

}  // namespace halton::platform
