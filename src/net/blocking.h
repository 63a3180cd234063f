// Blocking: one worker thread for calls that block (process look-up). Results come back on the I/O
// thread. A full queue answers at once with `busy`: the caller goes on without.
// Owner: the role. Limits: blocking_queue_max.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "base/result.h"

namespace halton::net {

class Blocking {
public:
    explicit Blocking(asio::io_context& io);
    // Waits for the call that runs now, drops the waiting ones.
    ~Blocking();

    // Ends the thread, and starts it again: in between the process may fork. Calls wait meanwhile.
    void pause();
    void resume();

    // A call under way; its result may be waited for, or forgotten.
    template <class T>
    class Pending {
    public:
        // The result, or nothing after `limit`; then it may be asked again.
        asio::awaitable<std::optional<T>> wait(std::chrono::milliseconds limit);

    private:
        friend class Blocking;
        struct State {
            explicit State(asio::io_context& io) : done(io) {}
            asio::steady_timer done;
            std::optional<T> result;
        };
        std::shared_ptr<State> state_;
    };

    // Errors: busy.
    template <class T>
    Result<Pending<T>> start(std::function<T()> call);

private:
    struct Worker;
    // Runs `call` on the worker and then `on_done` on the I/O thread; false when the queue is full.
    bool post(std::function<void()> call, std::function<void()> on_done);

    asio::io_context& io_;
    std::unique_ptr<Worker> worker_;
};

}  // namespace halton::net

#include "net/blocking_inl.h"
