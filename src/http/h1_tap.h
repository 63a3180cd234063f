// H1Tap: follows one HTTP/1.1 connection by reading copies of its bytes (RFC 9112).
// In:    bytes in forwarding order, tagged with their direction; any chunk size.
// Out:   http::Event values; a body event views the fed buffer until the next feed.
// Fails: never. Bytes that make no sense, or whose framing two readers could take in two ways,
//        turn it blind: one Event::lost, then silence.
// Behind an upgrade to a WebSocket it hands on the bytes as they are (http/websocket.h reads them).
// Owner: the connection coroutine. Thread: that strand only. Limits: head_bytes_max,
//        header_count_max, pipelined_exchanges_max.
#pragma once

#include <memory>
#include <string_view>

#include "http/event.h"

namespace halton::http {

class H1Tap {
public:
    H1Tap();
    ~H1Tap();
    H1Tap(H1Tap&&) noexcept;
    H1Tap& operator=(H1Tap&&) noexcept;

    // Appends what the bytes tell to `events` (the caller clears it).
    void feed(Direction direction, std::string_view bytes, EventList& events);

    // That direction ended in order (EOF). Ends a message that lasts until close; any other open
    // message ends incomplete.
    void finish(Direction direction, EventList& events);

    // The connection is gone: every open exchange gets its response_end, incomplete.
    void abort(EventList& events);

    // Frees what the events of the last call point to. For the moment before a long wait: an
    // idle tap then holds well under 1 KB.
    void release();

    bool is_blind() const;
    bool is_upgraded() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton::http
