// Http2Session: one HTTP/2 connection as the provider sees it, a machine over nghttp2's session
// (which the program under test does not use: it has the decoder of heads in common, no more).
// In:    received bytes, and answers by stream. Out: requests as they come, bytes to send.
// Fails: feed() is false when the peer broke the protocol. Owner: one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "support/provider/answer.h"
#include "support/provider/ledger.h"
#include "support/provider/request.h"

struct nghttp2_session;

namespace provider {

class Http2Session {
public:
    struct Stream {
        std::int32_t id = 0;
        Request request;
        bool is_request_over = false;
        RequestEntry entry;
        // The answer: what waits to be sent, and how.
        std::string waiting;
        std::size_t sent_bytes = 0;  // of the body
        bool is_answered = false;
        bool is_ended = false;  // nothing more will wait
        bool is_deferred = false;
        HeaderList trailers;
        std::function<std::size_t()>
            frame_bytes;  // of the next DATA frame; 0: as large as it can be
        std::size_t padding_bytes = 0;
    };
    struct Hooks {
        std::function<void(Stream&)> on_head;                    // of a request
        std::function<void(Stream&, std::string_view)> on_body;  // a piece of it
        std::function<void(Stream&)> on_end;                     // of the request
        std::function<void(Stream&)> on_close;                   // both sides are over
    };

    explicit Http2Session(Hooks hooks);
    ~Http2Session();
    Http2Session(const Http2Session&) = delete;
    Http2Session& operator=(const Http2Session&) = delete;

    bool feed(std::string_view bytes);
    std::string take_output();
    // Nothing more will be read or sent, after a GOAWAY for example.
    bool is_over() const;

    // The stream, while it is open.
    Stream* find(std::int32_t id);
    std::map<std::int32_t, Stream>& streams() { return streams_; }

    void send_interim(Stream& stream, int status, const HeaderList& headers);
    // A head without a body ends the answer.
    void send_head(Stream& stream, int status, const HeaderList& headers, bool has_body);
    void send_body(Stream& stream, std::string_view bytes);
    void end_body(Stream& stream);
    void reset(Stream& stream, std::uint32_t code);
    // Streams above `last` will not be answered.
    void go_away(std::int32_t last, std::uint32_t code);

private:
    struct Callbacks;
    std::unique_ptr<nghttp2_session, void (*)(nghttp2_session*)> session_;
    Hooks hooks_;
    std::map<std::int32_t, Stream> streams_;
};

}  // namespace provider
