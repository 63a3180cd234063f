// The templates of net/blocking.h.
#pragma once

#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>

#include "net/blocking.h"

namespace halton::net {

template <class T>
asio::awaitable<std::optional<T>> Blocking::Pending<T>::wait(std::chrono::milliseconds limit) {
    const auto state = state_;
    if (!state->result) {
        state->done.expires_after(limit);
        co_await state->done.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
    }
    co_return std::move(state->result);
}

template <class T>
Result<Blocking::Pending<T>> Blocking::start(std::function<T()> call) {
    Pending<T> pending;
    pending.state_ = std::make_shared<typename Pending<T>::State>(io_);
    const auto state = pending.state_;
    const auto result = std::make_shared<std::optional<T>>();
    const bool is_queued = post([call = std::move(call), result] { result->emplace(call()); },
                                [state, result] {
                                    state->result = std::move(*result);
                                    state->done.cancel();
                                });
    if (!is_queued) return fail(ErrorKind::busy, "too many blocking calls wait");
    return pending;
}

}  // namespace halton::net
