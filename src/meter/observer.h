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

namespace halton::meter {

class CaptureSwitches;
class PendingAnswers;
class PriceBook;
class ProviderTable;

// What passed on metered connections and could not be read, since the daemon started: nobody's rows
// are missing without a number that says so.
struct UnseenCounts {
    std::uint64_t connections = 0;  // whose bytes made no sense to the tap, from there on
    std::uint64_t requests = 0;     // of a form or size that the tap does not follow
};

// What is known about a connection before its first call; copied onto every row.
struct ConnectionFacts {
    std::string host;  // the host the client asked for, lower case
    std::string project_slug;
    std::string attribution_layer;
    std::string source_workdir;
    // What all observers of a daemon share; both outlive them. Null: the built-in providers, and
    // nothing is fetched later.
    const ProviderTable* providers = nullptr;
    PendingAnswers* pending = nullptr;
    UnseenCounts* unseen = nullptr;  // may be null
    std::string project_folder{};
    std::string git_branch{};
    std::string program{};  // base name of the client's executable; empty: not known
    // Whose bodies are captured; null: nobody's. It outlives the observer.
    const CaptureSwitches* captures = nullptr;
    std::optional<bool> haltonrc_capture{};  // what the client's .haltonrc says of it
};

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

    // Why the connection ended early, for calls that are still open: classifies them as network
    // or timeout when the upstream failed, as aborted when the client went away.
    void on_failure(const Error& error);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton::meter
