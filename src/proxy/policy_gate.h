// PolicyGate: stands in front of the copy of a client's bytes, on connections that a policy with
// the action "block" may concern and on no others. It holds a request until its head, and where a
// policy asks for it the model in its body, says whether it may go on; then the bytes go on as they
// came, or the client gets a refusal in its provider's own form and the provider gets nothing. In:
// the client's plaintext. Out: the same bytes for the upstream (ready, consume), answers of
//        our own for the client (take_answer), rows of blocked calls to the sink.
// Fails: open. What cannot be understood, is too large or takes too long goes on undecided, with a
//        count; what is no HTTP/1.1 that two readers agree on makes the gate stand open for good.
// Not a wall: a client can get around it, and so can a call while the daemon is away.
// Owner: the duplex. Thread: the I/O thread. Limits: gate_hold_bytes_max, gate_hold_all_bytes_max,
//        gate_hold_time, gate_drain_bytes_max, gate_drain_time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/limits.h"
#include "http/body_framing.h"
#include "meter/call_start.h"
#include "meter/policy_book.h"
#include "meter/request_reader.h"
#include "net/shuttle.h"

namespace halton::proxy {

// What all gates of a daemon share.
class GateWatch {
public:
    // Duplexes whose gate waits for something with a limit: they are woken now and then.
    void add(net::Duplex& duplex) {
        waiting_.insert(&duplex);
        if (waiting_.size() == 1 && on_first) on_first();
    }
    void remove(net::Duplex& duplex) { waiting_.erase(&duplex); }
    void wake_all(net::Shuttle& shuttle) const {
        for (net::Duplex* duplex : waiting_) shuttle.wake(*duplex);
    }

    bool is_empty() const { return waiting_.empty(); }

    std::size_t held_bytes = 0;                // of all gates
    std::function<void()> on_first = nullptr;  // told when somebody waits and nobody did

private:
    std::set<net::Duplex*> waiting_;
};

struct GateServices {
    meter::PolicyBook& book;
    meter::CallSink* sink;  // for rows of blocked calls; never null
    const Clock& clock;
    GateWatch& watch;
    // Tests pass smaller ones.
    std::size_t hold_bytes_max = limits::gate_hold_bytes_max;
    std::size_t hold_all_bytes_max = limits::gate_hold_all_bytes_max;
    std::uint64_t drain_bytes_max = limits::gate_drain_bytes_max;
};

class PolicyGate {
public:
    // Both outlive the gate. Wants bytes from the beginning of a request on.
    PolicyGate(const meter::ConnectionFacts& facts, GateServices& services);
    ~PolicyGate();
    PolicyGate(const PolicyGate&) = delete;
    PolicyGate& operator=(const PolicyGate&) = delete;

    void take(std::string_view bytes);
    // No more should be read while a refusal waits for the answers of earlier requests.
    bool wants_more() const { return state_ != State::refusing; }

    // What may go on now, and that so much of it went.
    std::string_view ready() const {
        return std::string_view(bytes_).substr(sent_, ready_ - sent_);
    }
    void consume(std::size_t count);

    // What the client is to be told now by us; empty: nothing. `is_quiet`: every request that went
    // on has its whole answer.
    std::string take_answer(bool is_quiet);
    // Whether there would be one.
    bool has_answer(bool is_quiet) const;

    // Everything goes on from here: the tap lost track, or the client ended inside a request.
    void stand_open();
    // Limits of time.
    void look_at_clock();

    // Between two requests, with nothing held.
    bool is_idle() const {
        return (state_ == State::head || state_ == State::open) && bytes_.empty();
    }
    // Time matters: something is held, or thrown away, or about to end.
    bool is_waiting() const;
    // The answer that was given is the last of this connection.
    bool is_closing() const { return state_ == State::closing; }
    // The closing one has had its time.
    bool is_over() const { return is_over_; }
    // The generation of policies that it was made for.
    std::uint64_t generation() const { return generation_; }

private:
    enum class State {
        head,       // of the next request is gathered
        undecided,  // the body is gathered for its model
        passing,    // the rest of this request goes on
        refusing,   // a refusal waits for its turn
        draining,   // the rest of a refused request is thrown away
        closing,    // everything is
        open,       // everything goes on
    };

    void read();
    bool read_head();
    bool read_body();
    bool drop_body();
    void judge_head(const http::RequestHead& head);
    // What the policies say with what is known; true: it is decided.
    bool decide(bool is_model_known);
    void refuse(const meter::Policy& policy);
    void let_pass(std::string_view reason);
    void forget(std::size_t from, std::size_t count);
    void update_hold();
    std::size_t held() const;

    const meter::ConnectionFacts& facts_;
    GateServices& services_;
    meter::HostMatch place_;
    std::uint64_t generation_;

    State state_ = State::head;
    std::string bytes_;
    std::size_t sent_ = 0;     // of bytes_ that went on
    std::size_t ready_ = 0;    // of bytes_ that may
    std::size_t read_ = 0;     // of bytes_ that were understood
    std::size_t scanned_ = 0;  // of the head, by find_head_end
    std::size_t counted_ = 0;  // of the hold, in the watch

    // Of the request that is looked at.
    std::optional<meter::CallStart> call_;
    std::optional<http::BodyFraming> framing_;
    std::optional<meter::RequestReader> reader_;
    SteadyTime begun_at_{};
    bool is_client_waiting_ = false;  // for a 100, before it sends the body
    bool is_last_ = false;            // the connection ends after it
    std::string answer_;

    SteadyTime since_{};  // when holding, throwing away or closing began
    std::uint64_t dropped_bytes_ = 0;
    bool is_over_ = false;
    bool is_undecided_logged_ = false;  // once a connection
};

}  // namespace halton::proxy
