// No bytes may crash the reader of WebSockets or the sessions on top of it, and neither messages
// nor turns may depend on how the bytes are cut. The first byte chooses the direction, the
// compression and the API.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/websocket.h"
#include "meter/providers/shapes/sockets.h"
#include "meter/socket_session.h"
#include "support/fake_clock.h"

using namespace halton;

namespace {

constexpr int from_client = 1, is_compressed = 2, drops_context = 4;

template <class Feed>
void feed_in_pieces(std::string_view bytes, std::size_t piece_bytes, Feed feed) {
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
        const std::string piece(bytes.substr(at, piece_bytes));
        feed(piece);
    }
}

std::string messages_of(int choice, std::string_view bytes, std::size_t piece_bytes) {
    std::optional<http::WebSocketDeflate> deflate;
    if (choice & is_compressed) deflate = http::WebSocketDeflate{15, (choice & drops_context) == 0};
    http::WebSocketReader reader(
        choice & from_client ? http::Direction::to_upstream : http::Direction::to_client, deflate);
    std::string text;
    bool is_open = false;
    feed_in_pieces(bytes, piece_bytes, [&](std::string_view piece) {
        reader.feed(piece, [&](const http::WebSocketPiece& shown) {
            if (shown.is_first == is_open) std::abort();
            is_open = !shown.is_last;
            text += shown.bytes;
            if (shown.is_last) text += '\n';
        });
    });
    return text + (is_open ? "open" : "") + (reader.is_broken() ? "broken" : "") +
           (reader.is_closed() ? "closed" : "");
}

std::string turns_of(int choice, std::string_view bytes, std::size_t piece_bytes) {
    static const meter::SocketShape* const shapes[] = {&meter::sockets::openai_responses,
                                                       &meter::sockets::openai_realtime,
                                                       &meter::sockets::gemini_live};
    const test::FakeClock clock;
    JsonParser parser;
    http::HeaderList headers;
    if (choice & is_compressed) {
        headers.add(
            "Sec-WebSocket-Extensions",
            choice & drops_context
                ? "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
                : "permessage-deflate");
    }
    meter::SocketSession session(*shapes[(choice >> 3) % 3], headers, clock, parser);
    const auto direction =
        choice & from_client ? http::Direction::to_upstream : http::Direction::to_client;
    feed_in_pieces(bytes, piece_bytes,
                   [&](std::string_view piece) { session.feed(direction, piece); });
    std::string text;
    for (const meter::Turn& turn : session.take_open()) {
        const auto& [usage, reading] = std::pair(turn.reading.usage, turn.reading);
        if (usage.input < 0 || usage.output < 0) std::abort();
        text += reading.model + ' ' + turn.id + ' ' + std::to_string(usage.input) + '/' +
                std::to_string(usage.output) + (reading.is_ended ? "" : " cut") + '\n';
    }
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const int choice = data[0];
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string messages = messages_of(choice, bytes, size + 1);
    const std::string turns = turns_of(choice, bytes, size + 1);
    for (const std::size_t piece_bytes : {1, 2, 3, 11}) {
        if (messages_of(choice, bytes, piece_bytes) != messages) std::abort();
        if (turns_of(choice, bytes, piece_bytes) != turns) std::abort();
    }
    return 0;
}
