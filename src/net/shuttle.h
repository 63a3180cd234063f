// Shuttle: runs many duplexes (two connected sockets each) on one thread.
// A connection's coroutine does the talking; when only moving bytes is left it hands its sockets
// to a Duplex and awaits run(), or ends and leaves the duplex to adopt(). From then on an idle
// connection costs two kernel entries and the duplex: no timer, no buffer, no Asio object.
// Owner: the role. Thread: the I/O thread. Limits: idle time, readiness_batch, relay_rounds_max.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include "base/clock.h"
#include "platform/readiness.h"

namespace halton::net {

class Shuttle;

// Port: what the shuttle moves. Side 0 is the client, side 1 the upstream (or the daemon).
class Duplex {
public:
    enum class Step {
        wait,   // nothing to do until a socket changes
        again,  // used its rounds, more to do
        done,   // ended or failed; the sockets may be closed
    };

    Duplex();
    virtual ~Duplex();
    Duplex(const Duplex&) = delete;
    Duplex& operator=(const Duplex&) = delete;

    // Moves what can be moved without waiting, by the flags below.
    virtual Step step() = 0;
    virtual std::array<int, 2> sockets() const = 0;
    // Asked on shutdown: a duplex in the middle of a call gets time to finish it.
    virtual bool is_between_calls() const { return true; }

protected:
    // Set by the shuttle; step() clears the first two when a call would block. `is_ending` stays:
    // see platform::Readiness.
    struct Flags {
        bool is_readable = true;
        bool is_writable = true;
        bool is_ending = false;
    };
    std::array<Flags, 2> flags_;

private:
    friend class Shuttle;
    struct Completion;
    struct Side {
        Duplex* duplex;
        std::uint8_t index;
    };
    std::array<Side, 2> sides_;
    Duplex* previous_ = nullptr;
    Duplex* next_ = nullptr;
    std::unique_ptr<Completion> completion_;
    std::uint32_t active_at_s_ = 0;
    bool is_queued_ = false;
};

class Shuttle {
public:
    enum class End { done, idle, interrupted };

    // Errors: io (no kernel memory for the readiness set).
    static Result<std::unique_ptr<Shuttle>> make(asio::io_context& io,
                                                 std::chrono::milliseconds idle);
    ~Shuttle();

    // Runs until the duplex is done, or idle for too long, or interrupted (by `limit` or by the
    // calls below). After `interrupted` the same duplex may be run again; nothing is lost.
    asio::awaitable<End> run(Duplex& duplex,
                             std::optional<std::chrono::milliseconds> limit = std::nullopt);

    // Runs until it is done or idle for too long, without anybody waiting: a raw tunnel needs no
    // frame of its own.
    void adopt(std::unique_ptr<Duplex> duplex);

    // Ends all runs (shutdown), or only those of duplexes that are between two calls and have moved
    // nothing for `quiet` (whole seconds by the clock: one less may have passed).
    void interrupt_all();
    void interrupt_between_calls(std::chrono::seconds quiet = std::chrono::seconds(0));

    // Gives a running duplex a step although no socket changed: for what depends on time.
    void wake(Duplex& duplex);

    std::size_t count() const { return count_; }

    // Around a fork: kqueue is not inherited, and an epoll would be shared with the parent. The
    // child, or the parent where there is none, resumes. Errors: io (then every run ends; without
    // kernel memory for some, those do).
    void pause();
    Result<void> resume();

private:
    struct Deadline {
        SteadyTime at;
        Duplex* duplex;
    };
    using Finished = std::pair<std::unique_ptr<Duplex::Completion>, End>;

    Shuttle(asio::io_context& io, platform::ReadinessSet set, std::chrono::milliseconds idle);
    void begin(Duplex& duplex, Duplex::Step first);
    void arm();
    void on_ready();
    void schedule_turn();
    void arm_sweep();
    void on_sweep();
    void move(Duplex& duplex);
    void queue(Duplex& duplex);
    void link(Duplex& duplex);
    void unlink(Duplex& duplex);
    void finish(Duplex& duplex, End end);
    void run_finished();

    platform::ReadinessSet set_;
    asio::posix::stream_descriptor ready_;
    asio::steady_timer sweep_;
    std::uint32_t idle_s_;
    std::uint32_t idle_checked_at_s_ = 0;
    Duplex* first_ = nullptr;
    std::size_t count_ = 0;
    std::vector<Duplex*> again_;
    std::vector<Deadline> deadlines_;
    // Completions run after a batch: they may destroy duplexes that the batch still names.
    std::vector<Finished> finished_;
    bool is_turn_scheduled_ = false;
};

}  // namespace halton::net
