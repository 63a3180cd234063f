#include "net/task_group.h"

#include <exception>
#include <new>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include "base/log.h"

namespace halton::net {
namespace {

// After a cancellation the task's clean-up may still have to await something.
asio::awaitable<void> guarded(asio::awaitable<void> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await std::move(task);
}

}  // namespace

void run_loop(asio::io_context& io) {
    for (;;) {
        try {
            io.run();
            return;
        } catch (const std::bad_alloc&) {
            log_event(LogLevel::error, "memory.exhausted");
        }
    }
}

asio::awaitable<bool> is_cancelled() {
    const auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : executor_(std::move(executor)), ended_(executor_) {}

void TaskGroup::spawn(std::string_view label, asio::awaitable<void> task) {
    const auto place = tasks_.emplace(tasks_.end());
    place->label = label;
    const auto on_end = [this, place](std::exception_ptr exception) {
        if (exception) {
            try {
                std::rethrow_exception(exception);
            } catch (const std::exception& error) {
                log_event(LogLevel::error, "task.bug",
                          {{"task", place->label}, {"what", error.what()}});
            }
        }
        tasks_.erase(place);
        if (tasks_.empty()) ended_.cancel();
    };
    try {
        asio::co_spawn(executor_, guarded(std::move(task)),
                       asio::bind_cancellation_slot(place->cancel.slot(), on_end));
    } catch (const std::bad_alloc&) {
        tasks_.erase(place);  // it never began
        throw;
    }
}

void TaskGroup::cancel_all() {
    // A task never ends inside emit(): its completion is posted. New tasks may begin, so the list
    // is walked by hand.
    for (auto task = tasks_.begin(); task != tasks_.end();) {
        const auto next = std::next(task);
        task->cancel.emit(asio::cancellation_type::all);
        task = next;
    }
}

asio::awaitable<bool> TaskGroup::join(std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!tasks_.empty() && std::chrono::steady_clock::now() < until) {
        ended_.expires_at(until);
        co_await ended_.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
    }
    co_return tasks_.empty();
}

}  // namespace halton::net
