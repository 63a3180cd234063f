// Handover: how one edge follows another on its port without a refused connection.
// The old one listens on a unix socket in the data directory. The new one asks there, gets a copy
// of the listening socket, accepts, and says so; only then the old one stops accepting, and it lets
// go of the port only when the new one has run for a moment. Until then every trouble of the new
// one (it dies, hangs, says nonsense) makes the old one accept again.
//     new: take 1      old: socket (and the descriptor)
//     new: accepting   old: go
//     new: settled     old: bye
// "no <reason>" instead ends it. Both sides make sure that the other is the same user.
// Owner: the role. Thread: the I/O thread. Limits: handover_*.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include "base/result.h"
#include "platform/home.h"
#include "platform/socket.h"

namespace halton::net {

// One connection of that dialogue.
class HandoverLink;

// The old side.
class HandoverOffer {
public:
    // What is handed over. `why_not` not empty: nothing is, and this is said instead.
    struct Port {
        int descriptor = -1;
        std::string why_not;
        std::function<void()> stop_accepting;
        std::function<void()> accept_again;
    };

    // Takes the name over from an older edge. Errors: as platform::listen_at.
    static Result<HandoverOffer> listen(asio::io_context& io, const platform::Home& home,
                                        std::uint32_t uid);
    HandoverOffer(HandoverOffer&&) noexcept;
    ~HandoverOffer();

    // Serves one successor after the other. True: one has settled, and the port is its own now.
    // False: it was closed or cancelled.
    asio::awaitable<bool> serve(Port port);
    // Serves nobody any more; takes the name away, where it is still ours.
    void close();

private:
    struct State;
    explicit HandoverOffer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// The new side.
class Handover {
public:
    // Asks the running edge for the socket that listens on `port`, and waits its turn. Errors:
    // not_found (no edge of ours runs), permission (another user's), unsupported (it says no, or
    // gave something else; the context says what), timeout (it hangs), io.
    static asio::awaitable<Result<Handover>> ask(asio::io_context& io, const platform::Home& home,
                                                 std::uint32_t uid, std::uint16_t port);
    Handover(Handover&&) noexcept;
    ~Handover();

    platform::Socket take_listener();
    // Says that we accept. Errors: unsupported (the old one goes on, so this one must not).
    asio::awaitable<Result<void>> confirm();
    // Says that we shall stay. Errors: as above.
    asio::awaitable<Result<void>> settle();

private:
    Handover(std::unique_ptr<HandoverLink> link, platform::Socket listener);
    std::unique_ptr<HandoverLink> link_;
    platform::Socket listener_;
};

}  // namespace halton::net
