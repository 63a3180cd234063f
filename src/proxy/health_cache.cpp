#include "proxy/health_cache.h"

#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>

#include "base/log.h"

namespace halton::proxy {
namespace {

// A live daemon answers within a millisecond or two; a dead one refuses faster than that.
constexpr std::chrono::milliseconds recovery_wait{20};

}  // namespace

HealthCache::HealthCache(asio::io_context& io, net::TaskGroup& tasks, const Limits& limits,
                         std::function<asio::awaitable<bool>()> probe)
    : io_(io), tasks_(tasks), limits_(limits), probe_(std::move(probe)) {}

asio::awaitable<bool> HealthCache::is_healthy() {
    if (std::chrono::steady_clock::now() < valid_until_) co_return is_healthy_;
    if (!is_probing_) {
        is_probing_ = true;
        is_lied_to_ = false;
        tasks_.spawn("health probe", run_probe());
        // Spawning runs it up to its first wait; one that has none has answered by now.
        if (std::chrono::steady_clock::now() < valid_until_) co_return is_healthy_;
    }
    asio::steady_timer wait(io_, is_healthy_ ? limits_.probe : recovery_wait);
    const auto place = waiting_.insert(waiting_.end(), &wait);
    co_await wait.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
    waiting_.erase(place);
    // Still no answer: the probe will set it; until then the daemon counts as down.
    co_return std::chrono::steady_clock::now() < valid_until_ && is_healthy_;
}

asio::awaitable<void> HealthCache::run_probe() {
    const bool answer = co_await probe_();
    is_probing_ = false;
    if (!is_lied_to_) set(answer);
    for (auto* timer : waiting_) timer->cancel();
}

void HealthCache::invalidate() {
    is_lied_to_ = true;
    set(false);
}

void HealthCache::set(bool is_healthy) {
    if (is_healthy != is_healthy_)
        log_event(LogLevel::info, is_healthy ? "edge.chaining" : "edge.passthrough",
                  {{"daemon", is_healthy ? "healthy" : "down"}});
    is_healthy_ = is_healthy;
    valid_until_ = std::chrono::steady_clock::now() +
                   (is_healthy ? limits_.health_ttl_healthy : limits_.health_ttl_unhealthy);
}

}  // namespace halton::proxy
