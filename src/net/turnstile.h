// Turnstile: what costs the I/O thread a good part of a millisecond (a step of a TLS handshake)
// goes through one at a time, with a look at all sockets in between. Without it, a hundred hellos
// that arrive together keep health probes, chain answers and running streams waiting for a tenth of
// a second, and the edge takes the daemon for hung.
// Owner: the role. Thread: the I/O thread. Limits: as many wait as there are connections.
#pragma once

#include <list>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include "base/result.h"

namespace halton::net {

class Turnstile {
public:
    explicit Turnstile(asio::any_io_executor executor);

    // At once when nobody passed since the sockets were last looked at; else in the order of
    // asking. Errors: cancelled.
    asio::awaitable<Result<void>> pass();

private:
    void look_at_sockets_first();

    asio::any_io_executor executor_;
    std::list<asio::steady_timer*> waiting_;
    bool is_taken_ = false;
};

}  // namespace halton::net
