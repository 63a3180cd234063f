#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/limits.h"
#include "platform/byte_pipe.h"

namespace halton::platform {
namespace {

// Making a pipe costs three system calls; a busy tunnel would pay them for every burst.
struct PipePool {
    std::array<std::array<int, 2>, limits::idle_pipe_count_max> pipes;
    std::size_t count = 0;
};

thread_local PipePool pool;

}  // namespace

bool BytePipe::is_supported() { return true; }

BytePipe::~BytePipe() {
    give_back();
    if (ends_[0] >= 0) {  // bytes of a torn tunnel are still inside: unusable for another
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
}

MoveResult BytePipe::fill(int socket, std::size_t bytes_max) {
    if (ends_[0] < 0) {
        if (pool.count > 0) {
            --pool.count;
            ends_[0] = pool.pipes[pool.count][0];
            ends_[1] = pool.pipes[pool.count][1];
        } else {
            if (::pipe2(ends_, O_NONBLOCK | O_CLOEXEC) != 0) {
                ends_[0] = ends_[1] = -1;
                return {-1, errno};
            }
            // Refused for unprivileged users beyond their quota; the default 64 KiB works too.
            ::fcntl(ends_[1], F_SETPIPE_SZ, static_cast<int>(limits::pipe_bytes));
        }
    }
    const auto moved = ::splice(socket, nullptr, ends_[1], nullptr, bytes_max,
                                SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved > 0) held_bytes_ += static_cast<std::size_t>(moved);
    return {moved, moved < 0 ? errno : 0};
}

MoveResult BytePipe::drain(int socket) {
    const auto moved = ::splice(ends_[0], nullptr, socket, nullptr, held_bytes_,
                                SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved > 0) held_bytes_ -= static_cast<std::size_t>(moved);
    return {moved, moved < 0 ? errno : 0};
}

void BytePipe::give_back() {
    if (ends_[0] < 0 || held_bytes_ > 0) return;
    if (pool.count < pool.pipes.size()) {
        pool.pipes[pool.count++] = {ends_[0], ends_[1]};
    } else {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    ends_[0] = ends_[1] = -1;
}

}  // namespace halton::platform
