#include "proxy/tls_duplex.h"

#include <cerrno>
#include <memory>
#include <utility>

#include "base/limits.h"

namespace halton::proxy {
namespace {

using platform::IoResult;

// Buffers of the thread, filled and emptied within one move.
struct Buffers {
    std::unique_ptr<char[]> ciphertext = std::make_unique<char[]>(limits::relay_read_bytes);
    std::unique_ptr<char[]> plaintext = std::make_unique<char[]>(limits::relay_read_bytes);
    std::string records;
};

Buffers& thread_buffers() {
    thread_local Buffers buffers;
    return buffers;
}

Leg leg_of(std::size_t side) { return side == 0 ? Leg::client : Leg::upstream; }

http::Direction direction_of(std::size_t from) {
    return from == 0 ? http::Direction::to_upstream : http::Direction::to_client;
}

}  // namespace

TlsDuplex::TlsDuplex(End client, End upstream, meter::CallObserver observer)
    : ends_{std::move(client), std::move(upstream)},
      tap_(ends_[1].engine.alpn()),
      observer_(std::move(observer)) {
    // The kernel does it when we cannot; taken back where an end is meant.
    ends_[0].socket.reset_on_close();
}

TlsDuplex::~TlsDuplex() {
    if (is_gate_watched_) gate_services_->watch.remove(*this);
    if (is_between_calls() && !failure_) {
        ends_[0].socket.end_on_close();
        return;
    }
    // Nobody failed: it was ended from here, by a shutdown or for being idle.
    observer_.on_failure(failure_.value_or(Error{ErrorKind::cancelled, Leg::local, "ended here"}));
    events_.clear();
    tap_.abort(events_);
    observer_.on_events(events_);
}

void TlsDuplex::guard(GateServices& services) {
    gate_services_ = &services;
    gate_generation_ = services.book.generation() - 1;  // not looked at yet
}

net::Duplex::Step TlsDuplex::step() {
    if (gate_) gate_->look_at_clock();
    for (int round = 0; round < limits::relay_rounds_max; ++round) {
        bool is_again = false;
        for (std::size_t from = 0; from < 2; ++from) {
            const Moved moved = move(from);
            if (moved == Moved::failed) {
                for (const auto& end : ends_) end.socket.reset_on_close();
                return Step::done;
            }
            is_again |= moved == Moved::again;
        }
        if (endings_[0].is_shut && endings_[1].is_shut) return Step::done;
        if (gate_ && is_closed_by_gate()) return Step::done;
        // An answer has ended that a refusal of ours was waiting for, or has opened the gate.
        is_again |= gate_ && unsent_[1].empty() &&
                    (!gate_->ready().empty() || gate_->has_answer(open_calls_ == 0));
        if (is_again) continue;
        watch_gate();
        return Step::wait;
    }
    return Step::again;
}

TlsDuplex::Moved TlsDuplex::failed(std::size_t side, ErrorKind kind, std::string context) {
    failure_ = Error{kind, leg_of(side), std::move(context)};
    return Moved::failed;
}

TlsDuplex::Moved TlsDuplex::flush(std::size_t to) {
    if (unsent_[to].empty()) return Moved::again;
    if (!flags_[to].is_writable) return Moved::blocked;
    const IoResult sent = ends_[to].socket.send(unsent_[to]);
    if (sent.status == IoResult::Status::failed)
        return failed(to, ErrorKind::reset, "write failed");
    if (sent.bytes < unsent_[to].size()) {
        flags_[to].is_writable = false;
        unsent_[to].erase(0, sent.bytes);
        return Moved::blocked;
    }
    unsent_[to] = std::string();
    return Moved::again;
}

TlsDuplex::Moved TlsDuplex::move(std::size_t from) {
    const std::size_t to = 1 - from;
    const Moved flushed = flush(to);
    if (flushed != Moved::again) return flushed;
    if (from == 0 && gate_) {
        const Moved pumped = pump_gate();
        if (pumped != Moved::again) return pumped;
        // A refusal waits for the answers before it.
        if (!gate_->wants_more()) return Moved::blocked;
    }
    if (endings_[from].is_ended) {
        if (!endings_[from].is_shut) pass_end(from);
        return Moved::blocked;
    }
    if (!ends_[from].first_bytes.empty()) {
        const std::string bytes = std::move(ends_[from].first_bytes);
        ends_[from].first_bytes = std::string();
        return pass(from, bytes) == Moved::failed ? Moved::failed : Moved::again;
    }
    auto& readable = flags_[from].is_readable;
    if (!readable && !flags_[from].is_ending) return Moved::blocked;
    const std::span<char> buffer(thread_buffers().ciphertext.get(), limits::relay_read_bytes);
    const IoResult got = ends_[from].socket.receive(buffer);
    switch (got.status) {
        case IoResult::Status::would_block: readable = false; return Moved::blocked;
        case IoResult::Status::failed:
            return failed(from, got.error == ETIMEDOUT ? ErrorKind::timeout : ErrorKind::reset,
                          "read failed");
        case IoResult::Status::end: endings_[from].is_ended = true; return Moved::again;
        case IoResult::Status::ok: break;
    }
    const bool is_full = got.bytes == buffer.size();
    if (!is_full) readable = false;
    const Moved passed = pass(from, {buffer.data(), got.bytes});
    if (passed != Moved::again) return passed;
    return is_full || flags_[from].is_ending || endings_[from].is_ended ? Moved::again
                                                                        : Moved::blocked;
}

// Encrypts for that side and sends what the socket takes.
TlsDuplex::Moved TlsDuplex::send(std::size_t to, std::string_view plaintext) {
    auto& records = thread_buffers().records;
    records.clear();
    const auto encrypted = ends_[to].engine.encrypt(plaintext, records);
    if (!encrypted) return failed(to, encrypted.error().kind, encrypted.error().context);
    std::size_t sent_bytes = 0;
    if (unsent_[to].empty() && flags_[to].is_writable) {
        const IoResult sent = ends_[to].socket.send(records);
        if (sent.status == IoResult::Status::failed)
            return failed(to, ErrorKind::reset, "write failed");
        sent_bytes = sent.bytes;
        if (sent_bytes < records.size()) flags_[to].is_writable = false;
    }
    unsent_[to].append(records, sent_bytes);
    return Moved::again;
}

// To the other side first, and only then to the tap.
TlsDuplex::Moved TlsDuplex::deliver(std::size_t from, std::string_view plaintext) {
    const Moved sent = send(1 - from, plaintext);
    if (sent != Moved::again) return sent;
    events_.clear();
    tap_.feed(direction_of(from), plaintext, events_);
    show_events();
    return Moved::again;
}

// Between two requests a gate comes or goes, as the policies want it.
void TlsDuplex::look_at_gate() {
    if (gate_services_ == nullptr) return;
    const auto& book = gate_services_->book;
    if (book.generation() == gate_generation_) return;
    if (gate_ ? !gate_->is_idle() : open_calls_ > 0 || !is_request_over_) return;
    gate_generation_ = book.generation();
    const auto& facts = observer_.facts();
    const auto place = meter::find_place(facts);
    const bool is_wanted = place.provider != nullptr && !tap_.is_blind() && !tap_.is_upgraded() &&
                           book.may_block(facts.project_slug, place.provider->id);
    if (is_wanted && !gate_)
        gate_ = std::make_unique<PolicyGate>(facts, *gate_services_);
    else if (!is_wanted)
        gate_.reset();
}

// What the gate lets go on, and what it has to say. As the other side takes it: what is held may
// be megabytes.
TlsDuplex::Moved TlsDuplex::pump_gate() {
    for (;;) {
        if (!unsent_[1].empty()) return Moved::blocked;
        const auto ready = gate_->ready().substr(0, limits::relay_read_bytes);
        if (!ready.empty()) {
            if (deliver(0, ready) == Moved::failed) return Moved::failed;
            gate_->consume(ready.size());
            continue;
        }
        const auto answer = gate_->take_answer(open_calls_ == 0);
        if (answer.empty()) return Moved::again;
        // Whoever reads a refusal of ours has taken our certificate.
        if (on_first_answer_) std::exchange(on_first_answer_, nullptr)();
        if (send(0, answer) == Moved::failed) return Moved::failed;
    }
}

// Whether the time of a gate has to be looked at by somebody else than the sockets.
void TlsDuplex::watch_gate() {
    const bool is_waiting = gate_ && gate_->is_waiting();
    if (is_waiting == is_gate_watched_) return;
    is_gate_watched_ = is_waiting;
    if (is_waiting)
        gate_services_->watch.add(*this);
    else
        gate_services_->watch.remove(*this);
}

// After a refusal that is the last: an end that the client can read up to, then a moment in which
// it may finish what it was saying, for a reset would take the refusal away from it.
bool TlsDuplex::is_closed_by_gate() {
    if (!gate_->is_closing()) return false;
    if (!is_goodbye_said_) {
        is_goodbye_said_ = true;
        ends_[0].engine.close(unsent_[0]);
    }
    if (flush(0) == Moved::failed) return true;
    if (unsent_[0].empty() && !endings_[1].is_shut) {
        ends_[0].socket.shutdown_write();
        ends_[0].socket.end_on_close();
        endings_[1].is_ended = endings_[1].is_shut = true;
    }
    return gate_->is_over() || (endings_[0].is_ended && unsent_[0].empty());
}

// Decrypts and passes on, or to the gate.
TlsDuplex::Moved TlsDuplex::pass(std::size_t from, std::string_view ciphertext) {
    const std::size_t to = 1 - from;
    const std::span<char> buffer(thread_buffers().plaintext.get(), limits::relay_read_bytes);
    tls::TlsEngine& reader = ends_[from].engine;
    reader.give(ciphertext);
    for (;;) {
        const auto got = reader.decrypt(buffer);
        if (!got) return failed(from, got.error().kind, got.error().context);
        if (!reader.output().empty()) {  // a reply of TLS itself, such as a key update's
            unsent_[from] += reader.output();
            reader.output().clear();
        }
        if (got->bytes > 0) {
            has_client_spoken_ |= from == 0;
            const std::string_view plaintext(buffer.data(), got->bytes);
            if (from == 0) look_at_gate();
            Moved moved = Moved::again;
            if (from == 0 && gate_) {
                gate_->take(plaintext);
                moved = pump_gate();
            } else {
                moved = deliver(from, plaintext);
            }
            if (moved == Moved::failed) return moved;
        }
        if (got->is_closed) {
            endings_[from].is_ended = endings_[from].is_polite = true;
            return Moved::again;
        }
        if (got->bytes < buffer.size()) break;
    }
    return unsent_[to].empty() ? Moved::again : Moved::blocked;
}

void TlsDuplex::show_events() {
    if (events_.empty()) return;
    for (const auto& event : events_) {
        if (event.kind == http::Event::Kind::request_head) {
            ++open_calls_;
            is_request_over_ = false;
        }
        if (event.kind == http::Event::Kind::request_end) is_request_over_ = event.is_complete;
        if (event.kind == http::Event::Kind::response_end) --open_calls_;
        if (event.kind == http::Event::Kind::response_head && on_first_answer_)
            std::exchange(on_first_answer_, nullptr)();
        if (event.kind == http::Event::Kind::lost || event.kind == http::Event::Kind::upgraded)
            open_calls_ = 0;
        if (gate_ &&
            (event.kind == http::Event::Kind::lost || event.kind == http::Event::Kind::upgraded))
            gate_->stand_open();
    }
    observer_.on_events(events_);
}

// An orderly end is passed on as one; a stream cut without close_notify stays cut.
void TlsDuplex::pass_end(std::size_t from) {
    const std::size_t to = 1 - from;
    if (from == 0 && gate_ && !gate_->is_closing()) {
        // Cut inside of a request: what came of it goes on, as without us.
        gate_->stand_open();
        if (pump_gate() != Moved::again || !gate_->ready().empty()) return;
    }
    events_.clear();
    tap_.finish(direction_of(from), events_);
    show_events();
    if (endings_[from].is_polite) {
        std::string records;
        ends_[to].engine.close(records);
        // Best effort: the end itself says the same.
        if (flags_[to].is_writable) ends_[to].socket.send(records);
    }
    ends_[to].socket.shutdown_write();
    ends_[to].socket.end_on_close();
    endings_[from].is_shut = true;
    if (from == 1 && !is_between_calls() && !failure_)
        failure_ = Error{ErrorKind::closed, Leg::upstream, "the stream was cut"};
    if (from == 0 && !is_between_calls() && !failure_)
        failure_ = Error{ErrorKind::closed, Leg::client, "the client went away"};
}

}  // namespace halton::proxy
