// TaskGroup: the only place that starts coroutines. Every task has a label, an end that is waited
// for, and an exception net: one that escapes a task is a bug, is logged, and ends that task only.
// Owner: the role. Thread: the I/O thread.
#pragma once

#include <chrono>
#include <list>
#include <string>
#include <string_view>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

namespace halton::net {

// io.run(), and again when memory ran out in the middle: that costs what asked for it, not the port.
void run_loop(asio::io_context& io);

// Whether the task that asks was cancelled. A cancellation ends only what is waited for in that
// moment: who goes on afterwards, and would wait again, has to ask.
// gcc 12: keep the answer in a variable, no && or || around a co_await.
asio::awaitable<bool> is_cancelled();

class TaskGroup {
public:
    explicit TaskGroup(asio::any_io_executor executor);

    // `label` must outlive the task: a literal.
    void spawn(std::string_view label, asio::awaitable<void> task);

    // Cancels what the tasks wait for; they then end by their own error paths.
    void cancel_all();

    // Until no task is left or `limit` ran out; returns whether all ended.
    asio::awaitable<bool> join(std::chrono::milliseconds limit);

    std::size_t size() const { return tasks_.size(); }

private:
    struct Task {
        std::string_view label;
        asio::cancellation_signal cancel;
    };

    asio::any_io_executor executor_;
    std::list<Task> tasks_;
    asio::steady_timer ended_;  // fires (by cancellation) when the last task ends
};

}  // namespace halton::net
