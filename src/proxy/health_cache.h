// HealthCache: whether the daemon can take a connection now, without asking for each one.
// Healthy answers live long, unhealthy ones short; one probe at a time, shared by all who wait.
// Owner: the edge role. Thread: the I/O thread. Limits: health_ttl_*, probe.
#pragma once

#include <functional>
#include <list>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "base/limits.h"
#include "net/task_group.h"

namespace halton::proxy {

class HealthCache {
public:
    // `probe` asks once and ends within Limits::probe. `limits` and `tasks` outlive the cache.
    HealthCache(asio::io_context& io, net::TaskGroup& tasks, const Limits& limits,
                std::function<asio::awaitable<bool>()> probe);

    // The cached answer while it lives; else the probe's. After an unhealthy answer a dead or hung
    // daemon is not waited for again: the probe gets only a moment, then goes on by itself.
    asio::awaitable<bool> is_healthy();

    // The chain hop failed: the cached answer lied. Unhealthy from now on.
    void invalidate();

private:
    asio::awaitable<void> run_probe();
    void set(bool is_healthy);

    asio::io_context& io_;
    net::TaskGroup& tasks_;
    const Limits& limits_;
    std::function<asio::awaitable<bool>()> probe_;
    std::list<asio::steady_timer*> waiting_;
    std::chrono::steady_clock::time_point valid_until_{};
    bool is_healthy_ = true;  // nothing known yet: worth the whole wait for the first probe
    bool is_probing_ = false;
    bool is_lied_to_ = false;  // invalidated while a probe was under way: its answer is stale
};

}  // namespace halton::proxy
