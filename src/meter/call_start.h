// CallStart: what the head of a request tells of a call before anything else is known; the first
// half of its row. The observer begins its calls so, and the gate in front of it (proxy/) judges
// by the same facts.
// In:    the facts of the connection and a request head. Out: nothing where the request is no call.
// Pure; never fails.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "http/head.h"
#include "meter/call.h"
#include "meter/providers/provider.h"

namespace halton::meter {

class CaptureSwitches;
class PendingAnswers;
class ProviderTable;

// What passed on metered connections and could not be read, since the daemon started: nobody's rows
// are missing without a number that says so.
struct UnseenCounts {
    std::uint64_t connections = 0;  // whose bytes made no sense to the tap, from there on
    std::uint64_t requests = 0;     // of a form or size that the tap does not follow
};

// Calls that have begun and not ended, of all observers that share it.
struct RunningCalls {
    std::int64_t count = 0;
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
    // Whose bodies are captured; null: nobody's. It outlives the connection.
    const CaptureSwitches* captures = nullptr;
    std::optional<bool> haltonrc_capture{};  // what the client's .haltonrc says of it
    RunningCalls* running = nullptr;  // outlives the observers; may be null
};

// Who answers at the connection's host; both null when nobody we know.
HostMatch find_place(const ConnectionFacts& facts);

struct CallStart {
    const Endpoint* endpoint = nullptr;
    CallRecord record;
};

std::optional<CallStart> start_call(const ConnectionFacts& facts, const HostMatch& place,
                                    const http::RequestHead& head, const Clock& clock);

// Takes keys out of the words that a call is described with: whoever puts one into a name or an id
// by mistake does not find it in the database. Once, by whoever offers the call to a sink.
void redact_words(CallRecord& record);

}  // namespace halton::meter
