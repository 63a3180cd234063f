// RawDuplex: copies bytes both ways between two sockets, unseen. Half-close is passed on, a reset
// on one side becomes a reset on the other. So does what ends it from here: the client is told of
// an end only when there was one, also by the kernel of a process that dies. Small messages go
// through one buffer of the thread; a full buffer means bulk, which is spliced in the kernel. What
// the other side cannot take at once is kept (at most one buffer or pipe a direction) and nothing
// more is read until it is gone. Optionally keeps the client's first flight, so that it can be
// replayed elsewhere as long as the upstream side has not sent a byte.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/shuttle.h"
#include "platform/byte_pipe.h"
#include "platform/socket.h"

namespace halton::net {

class RawDuplex final : public Duplex {
public:
    RawDuplex(platform::Socket client, platform::Socket upstream);

    // Bytes already read from the client, to be sent first. Before the first run.
    void preload_to_upstream(std::string_view bytes);

    // Keeps what the client sends (preloaded bytes too) until the upstream side's first byte.
    // Once `bytes_max` are kept the client is not read further until then.
    void keep_first_flight(std::size_t bytes_max);
    // Whether the client has sent anything that could be answered.
    bool has_first_flight() const { return first_flight_ && !first_flight_->bytes.empty(); }
    // Whether the upstream side has sent its first byte.
    bool is_answered() const { return is_answered_; }
    // Whether the client's side failed: then nobody is left to replay for.
    bool is_client_gone() const { return is_client_gone_; }
    // Whether the client has said all it will say.
    bool has_client_ended() const { return ways_[0].is_ended; }
    // After the run, when not answered: the client's socket and everything it sent.
    platform::Socket take_client();
    std::string take_first_flight();

    Step step() override;
    // Nobody reads these bytes, so nobody knows: a model may be thinking.
    bool is_between_calls() const override { return false; }
    std::array<int, 2> sockets() const override {
        return {ends_[0].descriptor(), ends_[1].descriptor()};
    }

private:
    struct Way {
        std::string waiting;  // read but not yet taken by the other side
        platform::BytePipe pipe;
        bool is_bulk = false;
        bool is_ended = false;  // the reading side sent its end
        bool is_shut = false;   // and it has been passed on
    };
    // Keeping a first flight is a matter of the first milliseconds; most of a tunnel's life this
    // pointer is all it costs.
    struct FirstFlight {
        std::string bytes;
        std::size_t bytes_max;
    };

    enum class Moved { blocked, again, failed };
    Moved move(std::size_t from);
    Moved move_small(std::size_t from);
    Moved move_bulk(std::size_t from);
    Moved failed_on(std::size_t side);
    void on_first_answer();
    Step tear();

    std::array<platform::Socket, 2> ends_;
    std::array<Way, 2> ways_;  // by reading side
    std::unique_ptr<FirstFlight> first_flight_;
    bool is_answered_ = false;
    bool is_client_gone_ = false;
};

}  // namespace halton::net
