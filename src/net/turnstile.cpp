#include "net/turnstile.h"

#include <asio/experimental/as_tuple.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

namespace halton::net {

Turnstile::Turnstile(asio::any_io_executor executor) : executor_(std::move(executor)) {}

asio::awaitable<Result<void>> Turnstile::pass() {
    if (!is_taken_) {
        is_taken_ = true;
        look_at_sockets_first();
        co_return Result<void>{};
    }
    asio::steady_timer called(executor_, asio::steady_timer::time_point::max());
    waiting_.push_back(&called);
    co_await called.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
    if (std::erase(waiting_, &called) == 0) co_return Result<void>{};
    co_return fail(ErrorKind::cancelled, "while waiting for its turn");  // nobody called it
}

// A posted function stands behind everything that is ready now, and Asio looks at the sockets each
// time it has gone through its queue once.
void Turnstile::look_at_sockets_first() {
    asio::post(executor_, [this] {
        is_taken_ = !waiting_.empty();
        if (!is_taken_) return;
        asio::steady_timer* next = waiting_.front();
        waiting_.pop_front();
        next->cancel();
        look_at_sockets_first();
    });
}

}  // namespace halton::net
