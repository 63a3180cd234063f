#include "net/every.h"

#include <asio/experimental/as_tuple.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

namespace halton::net {

asio::awaitable<void> every(std::chrono::milliseconds pause, std::function<void()> what) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
        what();
        timer.expires_after(pause);
        const auto [error] =
            co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        if (error) co_return;
    }
}

}  // namespace halton::net
