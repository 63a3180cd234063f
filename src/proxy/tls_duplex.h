// TlsDuplex: copies plaintext between two TLS connections, record by record, and shows each copy to
// the tap of the protocol that the upstream chose, after it was sent. One read of a socket becomes
// one write of the other. What the other side cannot take is kept as ciphertext (at most one read's
// worth) and nothing more is read until it is gone. Nothing the tap or the observer does can fail
// or delay the copy. A process that dies in the middle leaves the client a reset, not an end: an
// end could pass for a whole answer, and some clients try again only after a reset.
// Where a policy may block a call a gate (proxy/policy_gate.h) stands in front of the copy: what it
// lets pass goes on as above, what it refuses is answered here and shown to no tap.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "http/tap.h"
#include "meter/observer.h"
#include "net/shuttle.h"
#include "platform/socket.h"
#include "proxy/policy_gate.h"
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
    // From the next request on a gate stands in front of the copy, as long as a policy may block a
    // call of this connection. HTTP/1.1 only. `services` outlives the duplex.
    void guard(GateServices& services);
    // Called once, when the head of the first answer has gone to the client.
    void call_on_first_answer(std::function<void()> then) { on_first_answer_ = std::move(then); }

    Step step() override;
    std::array<int, 2> sockets() const override {
        return {ends_[0].socket.descriptor(), ends_[1].socket.descriptor()};
    }
    bool is_between_calls() const override {
        return open_calls_ == 0 && !observer_.has_open_turns() && (!gate_ || gate_->is_idle());
    }

private:
    enum class Moved { blocked, again, failed };
    Moved move(std::size_t from);
    Moved flush(std::size_t to);
    Moved pass(std::size_t from, std::string_view ciphertext);
    Moved deliver(std::size_t from, std::string_view plaintext);
    Moved send(std::size_t to, std::string_view plaintext);
    Moved pump_gate();
    void look_at_gate();
    void watch_gate();
    bool is_closed_by_gate();
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

    GateServices* gate_services_ = nullptr;  // null: no policy can ever block here
    std::unique_ptr<PolicyGate> gate_;       // only while one may
    std::uint64_t gate_generation_ = 0;      // of the policies that were last looked at
    bool is_request_over_ = true;            // the client's next byte begins a request
    bool is_gate_watched_ = false;
    bool is_goodbye_said_ = false;  // by us, after a refusal that is the last
};

}  // namespace halton::proxy
