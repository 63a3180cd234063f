#include "meter/socket_session.h"

#include "meter/body_capture.h"

namespace halton::meter {

SocketSession::SocketSession(const SocketShape& shape, const http::HeaderList& response_headers,
                             const Clock& clock, JsonParser& parser)
    : shape_(shape),
      clock_(clock),
      parser_(parser),
      terms_(http::read_websocket_terms(response_headers)),
      sent_(http::Direction::to_upstream, terms_, *shape.sent_paths),
      received_(http::Direction::to_client, terms_, *shape.received_paths) {}

void SocketSession::feed(http::Direction direction, std::string_view bytes) {
    if (is_blind()) return;
    Side& side = direction == http::Direction::to_upstream ? sent_ : received_;
    turns_.set_now({clock_.now_steady(), clock_.now_utc()});
    side.frames.feed(bytes, [&](const http::WebSocketPiece& piece) { take_piece(side, piece); });
    if (side.frames.is_closed() && !closed_by_) closed_by_ = direction;
}

void SocketSession::take_piece(Side& side, const http::WebSocketPiece& piece) {
    if (piece.is_first) {
        side.json.reset();
        side.is_read = false;
    }
    if (capture_ != nullptr)
        capture_->feed_message(&side == &sent_ ? http::Direction::to_upstream
                                               : http::Direction::to_client,
                               piece.bytes, piece.is_last);
    std::string_view bytes = piece.bytes;
    while (!side.is_read && !bytes.empty()) {
        bytes.remove_prefix(side.json.feed(bytes));
        if (!side.json.has_document()) continue;
        // One document a message.
        side.is_read = true;
        const Document message(side.json, parser_);
        (&side == &sent_ ? shape_.read_sent : shape_.read_received)(message, turns_);
    }
}

}  // namespace halton::meter
