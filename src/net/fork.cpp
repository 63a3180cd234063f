#include "net/fork.h"

#include "platform/process.h"

namespace halton::net {

Result<void> continue_in_child(asio::io_context& io) {
    io.notify_fork(asio::io_context::fork_prepare);
    const auto side = platform::fork_process();
    if (!side) {
        io.notify_fork(asio::io_context::fork_parent);
        return fail(side.error());
    }
    // Without destructors: they would take connections out of queues that both share until the
    // child has made its own.
    if (*side == platform::Fork::parent) platform::end_without_cleanup(0);
    io.notify_fork(asio::io_context::fork_child);
    return {};
}

}  // namespace halton::net
