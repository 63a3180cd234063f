// TlsDuplex: copies plaintext between two TLS connections, record by record, and shows each copy to
// the tap of the protocol that the upstream chose, after it was sent. One read of a socket becomes
// one write of the other. What the other side cannot take is kept as ciphertext (at most one read's
// worth) and nothing more is read until it is gone. Nothing the tap or the observer does can fail
// or delay the copy. A process that dies in the middle leaves the client a reset, not an end: an
// end could pass for a whole answer, and some clients try again only after a reset.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "http/tap.h"
#include "meter/observer.h"
#include "net/shuttle.h"
#include "platform/socket.h"
#include "tls/engine.h"

namespace halton::proxy {

class TlsDuplex final : public net::Duplex {
public:
    struct End {
        platform::Socket socket;
        tls::TlsEngine engine;
        std::string first_bytes;  // ciphertext read behind the handshake
    };

    TlsDuplex(End client, End upstream, meter::CallObserver observer);
    ~TlsDuplex() override;

    // Whether the client has sent application data.
    bool has_client_spoken() const { return has_client_spoken_; }
    // Called once, when the head of the first answer has gone to the client.
    void call_on_first_answer(std::function<void()> then) { on_first_answer_ = std::move(then); }

    Step step() override;
    std::array<int, 2> sockets() const override {
        return {ends_[0].socket.descriptor(), ends_[1].socket.descriptor()};
    }
    bool is_between_calls() const override {
        return open_calls_ == 0 && !observer_.has_open_turns();
    }

private:
    enum class Moved { blocked, again, failed };
    Moved move(std::size_t from);
    Moved flush(std::size_t to);
    Moved pass(std::size_t from, std::string_view ciphertext);
    void pass_end(std::size_t from);
    void show_events();
    Moved failed(std::size_t side, ErrorKind kind, std::string context);

    struct Ending {
        bool is_ended = false;   // this side's peer sends no more
        bool is_polite = false;  // and said so by close_notify
        bool is_shut = false;    // the other side has been told
    };

    std::array<End, 2> ends_;
    std::array<std::string, 2> unsent_;  // ciphertext for that side's socket
    std::array<Ending, 2> endings_;
    http::Tap tap_;
    meter::CallObserver observer_;
    http::EventList events_;
    std::optional<Error> failure_;
    int open_calls_ = 0;  // exchanges; of a WebSocket the observer knows
    bool has_client_spoken_ = false;
    std::function<void()> on_first_answer_;
};

}  // namespace halton::proxy
