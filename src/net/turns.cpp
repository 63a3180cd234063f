#include "net/turns.h"

#include <algorithm>

#include <asio/experimental/as_tuple.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

namespace halton::net {

asio::awaitable<void> Turns::wait() {
    if (!is_taken_) {
        schedule_next();
        co_return;
    }
    asio::steady_timer turn(io_, asio::steady_timer::time_point::max());
    waiting_.push_back(&turn);
    co_await turn.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
    std::erase(waiting_, &turn);  // a cancelled one is still there
}

// The next one is woken behind everything that is ready now.
void Turns::schedule_next() {
    is_taken_ = true;
    asio::post(io_, [this] {
        is_taken_ = false;
        if (waiting_.empty()) return;
        asio::steady_timer* next = waiting_.front();
        waiting_.pop_front();
        schedule_next();
        next->cancel();
    });
}

}  // namespace halton::net
