// A duplex under test between two peers of the test: client <-> duplex <-> upstream.
#pragma once

#include <memory>
#include <optional>

#include "net/shuttle.h"
#include "support/io.h"

namespace halton::test {

// Runs duplexes on a shuttle of its own; on the way out it ends what still runs.
class ShuttleWorld {
public:
    explicit ShuttleWorld(Milliseconds idle = safety)
        : shuttle(std::move(*net::Shuttle::make(io.context, idle))) {}
    ~ShuttleWorld() {
        shuttle->interrupt_all();
        io.settle();
    }

    // Starts one run; `end` is set when it is over.
    void start(net::Duplex& duplex, std::optional<net::Shuttle::End>& end,
               std::optional<Milliseconds> limit = std::nullopt) {
        end.reset();
        asio::co_spawn(io.context, run(*shuttle, duplex, limit, end),
                       [](std::exception_ptr exception) {
                           if (exception) std::rethrow_exception(exception);
                       });
        io.settle();
    }

    Io io;
    std::unique_ptr<net::Shuttle> shuttle;

private:
    static asio::awaitable<void> run(net::Shuttle& on, net::Duplex& duplex,
                                     std::optional<Milliseconds> limit,
                                     std::optional<net::Shuttle::End>& end) {
        end = co_await on.run(duplex, limit);
    }
};

}  // namespace halton::test
