// SocketSession: reads one WebSocket to a provider and finds its turns.
// In:    the bytes of both directions behind the 101, any chunk size, and the head of the 101.
// Out:   turns, when they have ended; what is open when the socket ends is asked for last.
// Fails: never. What cannot be read as JSON is stepped over; frames that make no sense leave that
//        direction unread (is_blind when it is the provider's).
// Owner: the observer. Limits: those of WebSocketReader, JsonPick and Turns; no message is kept.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_pick.h"
#include "http/websocket.h"
#include "meter/providers/shapes/turns.h"

namespace halton::meter {

class BodyCapture;

class SocketSession {
public:
    // `shape`, `clock` and `parser` outlive the session.
    SocketSession(const SocketShape& shape, const http::HeaderList& response_headers,
                  const Clock& clock, JsonParser& parser);

    void feed(http::Direction direction, std::string_view bytes);

    // Who reads along, until somebody else does; may be null.
    void set_capture(BodyCapture* capture) { capture_ = capture; }

    bool has_open() const { return turns_.has_open(); }
    std::vector<Turn> take_ended() { return turns_.take_ended(); }
    std::vector<Turn> take_open() { return turns_.take_open(); }

    // The provider's direction makes no sense, or is written in a way that we do not know.
    bool is_blind() const { return !terms_ || received_.frames.is_broken(); }
    // The provider said Close: no turn goes on.
    bool is_closed() const { return received_.frames.is_closed(); }
    // Who said Close first; nothing: nobody.
    std::optional<http::Direction> closed_by() const { return closed_by_; }

private:
    struct Side {
        Side(http::Direction direction, const std::optional<http::WebSocketTerms>& terms,
             const JsonPaths& paths)
            : frames(direction, terms ? terms->of(direction) : std::nullopt), json(paths) {}
        http::WebSocketReader frames;
        JsonPick json;
        bool is_read = false;  // the message's document has ended
    };

    void take_piece(Side& side, const http::WebSocketPiece& piece);

    const SocketShape& shape_;
    const Clock& clock_;
    JsonParser& parser_;
    std::optional<http::WebSocketTerms> terms_;
    Side sent_;
    Side received_;
    std::optional<http::Direction> closed_by_;
    Turns turns_;
    BodyCapture* capture_ = nullptr;
};

}  // namespace halton::meter
