// H2Tap: follows one HTTP/2 connection by reading copies of its bytes (RFC 9113, RFC 7541).
// In:    bytes in forwarding order, tagged with their direction; any chunk size.
// Out:   http::Event values, those of streams interleaved as the frames are. Heads are made from
//        the pseudo header fields: `:path` is the target, `:authority` the host field. A body event
//        views the fed buffer until the next feed; DATA is never kept.
// Fails: never. Bytes that make no sense turn it blind: one Event::lost, then silence. A stream
//        that is malformed, over a limit or a CONNECT (WebSockets of RFC 8441 too) is passed with
//        one Event::unseen, a pushed one with none, and the others go on.
// Owner: the connection. Thread: that connection's. Limits: head_bytes_max, header_count_max and
//        those that begin with h2_. An idle connection holds two header tables of 4 KiB at most,
//        or what its ends agreed on, up to h2_table_bytes_max.
#pragma once

#include <memory>
#include <string_view>

#include "http/event.h"

namespace halton::http {

class H2Tap {
public:
    H2Tap();
    ~H2Tap();
    H2Tap(H2Tap&&) noexcept;
    H2Tap& operator=(H2Tap&&) noexcept;

    // Appends what the bytes tell to `events` (the caller clears it).
    void feed(Direction direction, std::string_view bytes, EventList& events);

    // That direction ended in order (EOF). No HTTP/2 message ends this way: what was open in that
    // direction is cut.
    void finish(Direction direction, EventList& events);

    // The connection is gone: every open exchange gets its response_end, incomplete.
    void abort(EventList& events);

    // Frees what the events of the last call point to.
    void release();

    bool is_blind() const;
    bool is_upgraded() const { return false; }  // streams are, never the connection

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton::http
