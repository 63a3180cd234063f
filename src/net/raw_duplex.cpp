#include "net/raw_duplex.h"

#include <algorithm>
#include <cerrno>

#include "base/limits.h"

namespace halton::net {
namespace {

using platform::IoResult;

// One buffer a thread: filled and emptied within one move, never across a wait.
std::span<char> thread_buffer() {
    thread_local const auto buffer = std::make_unique<char[]>(limits::relay_read_bytes);
    return {buffer.get(), limits::relay_read_bytes};
}

}  // namespace

RawDuplex::RawDuplex(platform::Socket client, platform::Socket upstream)
    : ends_{std::move(client), std::move(upstream)} {
    ends_[0].reset_on_close();  // taken back with the end that is passed on
}

// Copies: the string was a read buffer, and its room would stay for the tunnel's whole life.
void RawDuplex::preload_to_upstream(std::string_view bytes) { ways_[0].waiting = bytes; }

void RawDuplex::keep_first_flight(std::size_t bytes_max) {
    first_flight_ = std::make_unique<FirstFlight>(FirstFlight{ways_[0].waiting, bytes_max});
}

platform::Socket RawDuplex::take_client() {
    ends_[0].end_on_close();
    return std::move(ends_[0]);
}

std::string RawDuplex::take_first_flight() {
    return first_flight_ ? std::move(first_flight_->bytes) : std::string();
}

void RawDuplex::on_first_answer() {
    is_answered_ = true;
    first_flight_.reset();
}

Duplex::Step RawDuplex::step() {
    for (int round = 0; round < limits::relay_rounds_max; ++round) {
        const bool was_answered = is_answered_;
        bool is_again = false;
        for (std::size_t from = 0; from < 2; ++from) {
            const Moved moved = move(from);
            if (moved == Moved::failed) return tear();
            is_again |= moved == Moved::again;
        }
        if (ways_[0].is_shut && ways_[1].is_shut) return Step::done;
        // The daemon ended the connection without a word: that is a refusal, not an answer.
        if (first_flight_ && ways_[1].is_ended) return Step::done;
        // The first answer may have freed a client that was not read further.
        if (!is_again && was_answered == is_answered_) return Step::wait;
    }
    return Step::again;
}

Duplex::Step RawDuplex::tear() {
    // With a first flight in hand the client's side lives on.
    if (!first_flight_ || is_client_gone_)
        for (const auto& end : ends_) end.reset_on_close();
    return Step::done;
}

RawDuplex::Moved RawDuplex::failed_on(std::size_t side) {
    is_client_gone_ |= side == 0;
    return Moved::failed;
}

// Moves once from one side to the other.
RawDuplex::Moved RawDuplex::move(std::size_t from) {
    Way& way = ways_[from];
    const std::size_t to = 1 - from;
    if (!way.waiting.empty()) {
        if (!flags_[to].is_writable) return Moved::blocked;
        const IoResult sent = ends_[to].send(way.waiting);
        if (sent.status == IoResult::Status::failed) return failed_on(to);
        if (sent.bytes < way.waiting.size()) {
            flags_[to].is_writable = false;
            way.waiting.erase(0, sent.bytes);
            return Moved::blocked;
        }
        way.waiting = std::string();
    }
    if (way.pipe.held_bytes() > 0 || way.is_bulk) return move_bulk(from);
    if (way.is_ended) {
        if (!way.is_shut) {
            ends_[to].shutdown_write();
            ends_[to].end_on_close();
        }
        way.is_shut = true;
        return Moved::blocked;
    }
    return move_small(from);
}

RawDuplex::Moved RawDuplex::move_small(std::size_t from) {
    Way& way = ways_[from];
    const std::size_t to = 1 - from;
    auto& readable = flags_[from].is_readable;
    if (!readable && !flags_[from].is_ending) return Moved::blocked;
    auto buffer = thread_buffer();
    if (first_flight_ && from == 0) {
        const std::size_t kept = first_flight_->bytes.size();
        // step() comes again after the first answer. What was preloaded may be over the limit.
        if (kept >= first_flight_->bytes_max) return Moved::blocked;
        buffer = buffer.first(std::min(buffer.size(), first_flight_->bytes_max - kept));
    }
    const IoResult got = ends_[from].receive(buffer);
    switch (got.status) {
        case IoResult::Status::would_block: readable = false; return Moved::blocked;
        case IoResult::Status::failed: return failed_on(from);
        case IoResult::Status::end: way.is_ended = true; return Moved::again;
        case IoResult::Status::ok: break;
    }
    const std::string_view bytes(buffer.data(), got.bytes);
    if (from == 1 && !is_answered_) on_first_answer();
    if (first_flight_ && from == 0) first_flight_->bytes += bytes;
    // Fewer bytes than asked for: the socket is empty, the next event tells of more. Not so in
    // front of an end, whose event has been already.
    const bool is_full = got.bytes == buffer.size();
    if (!is_full) readable = false;
    if (is_full && !first_flight_ && platform::BytePipe::is_supported()) way.is_bulk = true;

    std::size_t sent_bytes = 0;
    if (flags_[to].is_writable) {
        const IoResult sent = ends_[to].send(bytes);
        if (sent.status == IoResult::Status::failed) return failed_on(to);
        sent_bytes = sent.bytes;
    }
    if (sent_bytes < bytes.size()) {
        flags_[to].is_writable = false;
        way.waiting.assign(bytes.substr(sent_bytes));
        return Moved::blocked;
    }
    return is_full || flags_[from].is_ending ? Moved::again : Moved::blocked;
}

RawDuplex::Moved RawDuplex::move_bulk(std::size_t from) {
    Way& way = ways_[from];
    const std::size_t to = 1 - from;
    bool has_moved = false;
    if (!way.is_ended && way.pipe.held_bytes() < limits::pipe_bytes / 2 &&
        (flags_[from].is_readable || flags_[from].is_ending)) {
        const auto got = way.pipe.fill(ends_[from].descriptor(), limits::pipe_bytes);
        if (got.bytes > 0) {
            has_moved = true;
        } else if (got.bytes == 0) {
            way.is_ended = true;
            has_moved = true;
        } else if (got.error == EAGAIN) {
            // Empty socket or full pipe; only the first is told by an event.
            if (way.pipe.held_bytes() == 0) flags_[from].is_readable = false;
        } else if (got.error == EMFILE || got.error == ENFILE || got.error == ENOMEM) {
            way.is_bulk = false;  // no pipe to be had: copy
            return Moved::again;
        } else {
            return failed_on(from);
        }
    }
    if (way.pipe.held_bytes() > 0 && flags_[to].is_writable) {
        const auto put = way.pipe.drain(ends_[to].descriptor());
        if (put.bytes > 0) has_moved = true;
        else if (put.bytes < 0 && put.error == EAGAIN) flags_[to].is_writable = false;
        else return failed_on(to);
    }
    if (way.pipe.held_bytes() == 0 && (way.is_ended || !flags_[from].is_readable)) {
        way.pipe.give_back();
        way.is_bulk = false;
    }
    return has_moved ? Moved::again : Moved::blocked;
}

}  // namespace halton::net
