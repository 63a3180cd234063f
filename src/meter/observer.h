// CallObserver: turns the events of one connection into one CallRecord per metered call.
// In:    http::Event values in order, with the time of the bytes.
// Out:   finished records to the CallSink, exactly once each, after the last response byte; also
//        when the observer is destroyed with calls open (they are then incomplete).
// Fails: never. What it cannot read becomes a row with tokens_complete = false.
// Owner: the connection coroutine. Thread: that strand only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "http/event.h"
#include "meter/call.h"
#include "meter/call_start.h"

namespace halton::meter {

class PriceBook;

class CallObserver {
public:
    // `prices`, `sink` and `clock` outlive the observer.
    CallObserver(ConnectionFacts facts, const PriceBook& prices, CallSink& sink,
                 const Clock& clock);
    ~CallObserver();
    CallObserver(CallObserver&&) noexcept;
    CallObserver& operator=(CallObserver&&) noexcept = delete;

    void on_events(const http::EventList& events);

    // Whether a turn of a WebSocket was asked for or has begun, and has not ended.
    bool has_open_turns() const;

    const ConnectionFacts& facts() const;

    // Why the connection ended early, for calls that are still open: classifies them as network
    // or timeout when the upstream failed, as aborted when the client went away.
    void on_failure(const Error& error);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton::meter
