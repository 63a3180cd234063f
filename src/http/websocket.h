// WebSocketReader: follows one direction of a WebSocket (RFC 6455) by reading copies of its bytes,
// and inflates compressed messages (RFC 7692, permessage-deflate) on the copy.
// In:    bytes behind the 101, any chunk size.
// Out:   the messages of the direction, piece by piece as they come: a message may be megabytes of
//        sound or of a conversation, so none is ever kept. Control frames are not shown.
// Fails: once, for good: frames that a peer must not send, or a message that inflates like a bomb
//        (is_broken). What comes behind a Close is not looked at (is_closed).
// Owner: the socket's observer. Memory: 14 bytes, and zlib's window of up to 40 KiB from the first
//        compressed message on; without context take-over only while such a message is open.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/function_ref.h"
#include "http/event.h"
#include "http/head.h"

namespace halton::http {

// How one direction is compressed.
struct WebSocketDeflate {
    int window_bits = 15;
    bool keeps_context = true;  // the window goes on from message to message
    bool operator==(const WebSocketDeflate&) const = default;
};

// What both ends agreed on in the upgrade.
struct WebSocketTerms {
    std::optional<WebSocketDeflate> to_upstream;
    std::optional<WebSocketDeflate> to_client;

    const std::optional<WebSocketDeflate>& of(Direction direction) const {
        return direction == Direction::to_upstream ? to_upstream : to_client;
    }
    bool operator==(const WebSocketTerms&) const = default;
};

// From the Sec-WebSocket-Extensions of the 101. Nothing when they name an extension or a parameter
// that we do not know: the frames then mean something we do not know either.
std::optional<WebSocketTerms> read_websocket_terms(const HeaderList& response_headers);

// Whether the head asks for, or agrees to, an upgrade to a WebSocket.
bool is_websocket_upgrade(const HeaderList& headers);

struct WebSocketPiece {
    std::string_view bytes;  // may be empty; holds during the call
    bool is_first = false;   // of its message
    bool is_last = false;
};

class WebSocketReader {
public:
    using OnPiece = FunctionRef<void(const WebSocketPiece&)>;

    // A client masks what it sends, a server does not.
    WebSocketReader(Direction direction, std::optional<WebSocketDeflate> deflate);
    ~WebSocketReader();
    WebSocketReader(WebSocketReader&&) noexcept;
    WebSocketReader& operator=(WebSocketReader&&) noexcept;

    void feed(std::string_view bytes, OnPiece on_piece);

    bool is_broken() const { return is_broken_; }
    bool is_closed() const { return is_closed_; }

private:
    struct Inflater;

    bool take_head_byte(char byte);
    bool begin_frame();
    void take_payload(std::string_view bytes, OnPiece on_piece);
    void take_data(std::string_view bytes, bool is_last, OnPiece on_piece);
    void inflate(std::string_view bytes, OnPiece on_piece);
    void show(std::string_view bytes, bool is_last, OnPiece on_piece);
    void end_frame(OnPiece on_piece);

    std::array<unsigned char, 14> head_{};
    std::uint8_t head_bytes_ = 0;   // of the frame head, so far
    std::uint8_t head_wanted_ = 2;  // as far as is known
    bool is_masked_;                // by rule of the direction
    bool is_in_payload_ = false;
    bool is_control_ = false;  // the frame being read
    bool is_final_ = false;
    bool is_message_open_ = false;  // begun and not ended
    bool is_first_piece_ = false;   // nothing of the message was shown yet
    bool is_compressed_ = false;    // the open message
    bool is_closed_ = false;
    bool is_broken_ = false;
    std::array<unsigned char, 4> mask_{};
    std::uint64_t payload_left_ = 0;
    std::uint64_t inflated_bytes_ = 0;  // of the open message
    std::optional<WebSocketDeflate> deflate_;
    std::unique_ptr<Inflater> inflater_;
};

}  // namespace halton::http
