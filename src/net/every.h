// Something small that is done again and again while a role runs.
#pragma once

#include <chrono>
#include <functional>

#include <asio/awaitable.hpp>

namespace halton::net {

// `what` at once and then each `pause`, until the task is cancelled. It must not block.
asio::awaitable<void> every(std::chrono::milliseconds pause, std::function<void()> what);

}  // namespace halton::net
