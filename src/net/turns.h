// Turns: expensive steps take turns with everything else. Of those that wait, one runs in a round
// of the event loop; so a hundred handshakes at once delay a new connection's first answer by a few
// of them and not by all.
// In: a coroutine about to compute for long. Out: its turn, in the order of asking.
// Fails: never; a cancelled wait is over at once. Owner: the role. Thread: the I/O thread.
#pragma once

#include <deque>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

namespace halton::net {

class Turns {
public:
    explicit Turns(asio::io_context& io) : io_(io) {}

    // At once when nobody else had a turn in this round.
    asio::awaitable<void> wait();

private:
    void schedule_next();

    asio::io_context& io_;
    std::deque<asio::steady_timer*> waiting_;
    bool is_taken_ = false;  // somebody had this round's
};

}  // namespace halton::net
