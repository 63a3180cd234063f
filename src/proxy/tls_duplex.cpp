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

net::Duplex::Step TlsDuplex::step() {
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
        if (!is_again) return Step::wait;
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

// Decrypts, encrypts for the other side, sends, and only then shows the plaintext to the tap.
TlsDuplex::Moved TlsDuplex::pass(std::size_t from, std::string_view ciphertext) {
    const std::size_t to = 1 - from;
    auto& [unused, plain, records] = thread_buffers();
    const std::span<char> buffer(plain.get(), limits::relay_read_bytes);
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
            const std::string_view plaintext(buffer.data(), got->bytes);
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
            has_client_spoken_ |= from == 0;
            events_.clear();
            tap_.feed(direction_of(from), plaintext, events_);
            show_events();
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
        if (event.kind == http::Event::Kind::request_head) ++open_calls_;
        if (event.kind == http::Event::Kind::response_end) --open_calls_;
        if (event.kind == http::Event::Kind::response_head && on_first_answer_)
            std::exchange(on_first_answer_, nullptr)();
        if (event.kind == http::Event::Kind::lost || event.kind == http::Event::Kind::upgraded)
            open_calls_ = 0;
    }
    observer_.on_events(events_);
}

// An orderly end is passed on as one; a stream cut without close_notify stays cut.
void TlsDuplex::pass_end(std::size_t from) {
    const std::size_t to = 1 - from;
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
