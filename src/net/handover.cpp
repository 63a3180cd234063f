#include "net/handover.h"

#include <algorithm>
#include <array>

#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "platform/unix_socket.h"

namespace halton::net {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds retry_pause{50};
constexpr std::string_view refusal = "no ";

// Until the descriptor can be read. Errors: timeout, cancelled.
asio::awaitable<Result<void>> wait_readable(asio::posix::stream_descriptor& descriptor,
                                            Milliseconds limit) {
    using asio::experimental::deferred;
    asio::steady_timer timer(descriptor.get_executor(), limit);
    const auto [order, code, timer_code] =
        co_await asio::experimental::make_parallel_group(
            descriptor.async_wait(asio::posix::stream_descriptor::wait_read, deferred),
            timer.async_wait(deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (order[0] == 0 && !code) co_return Result<void>();
    if (order[0] == 0 || timer_code) co_return fail(ErrorKind::cancelled, "handover");
    co_return fail(ErrorKind::timeout, "the other edge does not answer");
}

asio::awaitable<void> pause(asio::io_context& io) {
    asio::steady_timer timer(io, retry_pause);
    co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
}

Milliseconds time_until(SteadyTime end) {
    const auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now());
    return std::max(left, Milliseconds(1));
}

}  // namespace

class HandoverLink {
public:
    HandoverLink(asio::io_context& io, platform::Socket socket)
        : socket_(std::move(socket)), ready_(io, socket_.descriptor()) {}
    ~HandoverLink() { ready_.release(); }  // the socket owns the descriptor

    const platform::Socket& socket() const { return socket_; }

    // The next line; a descriptor that came with it is kept. Errors: closed, timeout, cancelled,
    // too_large, io.
    asio::awaitable<Result<std::string>> read_line(Milliseconds limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        for (;;) {
            if (const auto newline = text_.find('\n'); newline != std::string::npos) {
                auto line = text_.substr(0, newline);
                text_.erase(0, newline + 1);
                co_return line;
            }
            if (text_.size() > limits::handover_line_bytes_max)
                co_return fail(ErrorKind::too_large, "a line of the handover is too long");
            std::array<char, 64> buffer;
            auto received = platform::receive_descriptor(socket_.descriptor(), buffer);
            if (received) {
                text_.append(buffer.data(), received->bytes);
                if (received->passed.is_open()) passed_ = std::move(received->passed);
                continue;
            }
            if (received.error().kind != ErrorKind::busy) co_return fail(received.error());
            const auto ready = co_await wait_readable(ready_, time_until(end));
            if (!ready) co_return fail(ready.error());
        }
    }

    void write_line(std::string_view line) const {
        // A few bytes into an empty buffer; who is gone is noticed by the next read.
        const auto sent = socket_.send(std::string(line) + "\n");
        (void)sent;
    }

    platform::Socket take_passed() { return std::move(passed_); }

private:
    platform::Socket socket_;
    asio::posix::stream_descriptor ready_;
    std::string text_;
    platform::Socket passed_;
};

// ---- the old side ----------------------------------------------------------------------------

struct HandoverOffer::State {
    State(asio::io_context& context, const platform::Home& home_, std::uint32_t uid_,
          platform::NamedListener named)
        : io(context),
          home(home_),
          uid(uid_),
          listener(std::move(named)),
          ready(io, listener.socket.descriptor()) {}
    ~State() { close(); }
    void close() {
        if (!listener.socket.is_open()) return;
        ready.release();
        listener.socket.close();
    }

    asio::awaitable<bool> attend(HandoverLink& link, const Port& port);

    asio::io_context& io;
    platform::Home home;
    std::uint32_t uid;
    platform::NamedListener listener;
    asio::posix::stream_descriptor ready;
};

HandoverOffer::HandoverOffer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HandoverOffer::HandoverOffer(HandoverOffer&&) noexcept = default;
HandoverOffer::~HandoverOffer() = default;

Result<HandoverOffer> HandoverOffer::listen(asio::io_context& io, const platform::Home& home,
                                            std::uint32_t uid) {
    auto socket = platform::listen_at(home.edge_socket());
    if (!socket) return fail(socket.error());
    return HandoverOffer(std::make_unique<State>(io, home, uid, std::move(*socket)));
}

void HandoverOffer::close() {
    if (!state_->listener.socket.is_open()) return;
    platform::remove_name(state_->listener);
    // Who still waits here is to ask the next one.
    state_->close();
}

asio::awaitable<bool> HandoverOffer::serve(Port port) {
    for (;;) {
        if (!state_->listener.socket.is_open()) co_return false;
        auto socket = platform::accept_from(state_->listener.socket);
        if (!socket && socket.error().kind == ErrorKind::busy) {
            auto [error] = co_await state_->ready.async_wait(
                asio::posix::stream_descriptor::wait_read,
                asio::experimental::as_tuple(asio::use_awaitable));
            if (error) co_return false;
            continue;
        }
        if (!socket) {
            // Out of descriptors, for example: that passes.
            log_event(LogLevel::warn, "edge.handover.trouble",
                      {{"error", to_text(socket.error())}});
            co_await pause(state_->io);
            continue;
        }
        const auto uid = platform::find_peer_uid(socket->descriptor());
        if (!uid || *uid != state_->uid) {
            log_event(LogLevel::warn, "edge.handover.stranger", {});
            continue;
        }
        HandoverLink link(state_->io, std::move(*socket));
        const bool is_over = co_await state_->attend(link, port);
        if (is_over) co_return true;
    }
}

asio::awaitable<bool> HandoverOffer::State::attend(HandoverLink& link, const Port& port) {
    const auto asked = co_await link.read_line(limits::handover_answer);
    if (!asked || *asked != "take 1") {
        link.write_line("no sense: wanted \"take 1\"");
        co_return false;
    }
    if (!port.why_not.empty()) {
        link.write_line(std::string(refusal) + port.why_not);
        co_return false;
    }
    const auto sent =
        platform::send_descriptor(link.socket().descriptor(), "socket\n", port.descriptor);
    if (!sent) co_return false;
    const auto accepting = co_await link.read_line(limits::handover_answer);
    if (!accepting || *accepting != "accepting") {
        link.write_line("no more: you took too long");
        co_return false;
    }
    port.stop_accepting();
    link.write_line("go");
    const auto settled = co_await link.read_line(limits::handover_settle + limits::handover_answer);
    if (settled && *settled == "settled") {
        link.write_line("bye");
        co_return true;
    }
    port.accept_again();
    link.write_line("no more: you took too long");
    log_event(LogLevel::warn, "edge.handover.failed",
              {{"error", settled ? "it said something else" : to_text(settled.error())}});
    co_return false;
}

// ---- the new side ----------------------------------------------------------------------------

Handover::Handover(std::unique_ptr<HandoverLink> link, platform::Socket listener)
    : link_(std::move(link)), listener_(std::move(listener)) {}
Handover::Handover(Handover&&) noexcept = default;
Handover::~Handover() = default;

platform::Socket Handover::take_listener() { return std::move(listener_); }

asio::awaitable<Result<Handover>> Handover::ask(asio::io_context& io, const platform::Home& home,
                                                std::uint32_t uid, std::uint16_t port) {
    const auto end = std::chrono::steady_clock::now() + limits::handover_wait;
    for (bool is_first = true;; is_first = false) {
        if (!is_first) co_await pause(io);
        const bool is_late = std::chrono::steady_clock::now() >= end;
        auto socket = platform::connect_to(home.edge_socket());
        if (!socket) {
            const auto kind = socket.error().kind;
            if (kind == ErrorKind::busy && !is_late) continue;
            // A name without a listener is what a killed edge leaves.
            if (kind == ErrorKind::refused)
                co_return fail(ErrorKind::not_found, socket.error().context);
            co_return fail(socket.error());
        }
        const auto owner = platform::find_peer_uid(socket->descriptor());
        if (!owner || *owner != uid)
            co_return fail(ErrorKind::permission, "edge.sock belongs to another user");
        auto link = std::make_unique<HandoverLink>(io, std::move(*socket));
        link->write_line("take 1");
        const auto answer = co_await link->read_line(time_until(end));
        if (!answer) {
            const auto kind = answer.error().kind;
            // It handed its port over to somebody else meanwhile, who has the name now.
            const bool is_gone = kind == ErrorKind::closed || kind == ErrorKind::io;
            if (is_gone && !is_late) continue;
            co_return fail(answer.error());
        }
        if (*answer != "socket")
            co_return fail(
                ErrorKind::unsupported,
                "the running edge does not hand over its port: " + to_safe_text(*answer, 100));
        auto listener = link->take_passed();
        if (!listener.is_open())
            co_return fail(ErrorKind::unsupported, "the running edge gave no socket");
        const auto facts = platform::look_at_listener(listener.descriptor());
        if (!facts) co_return fail(facts.error());
        if (facts->port != port)
            co_return fail(ErrorKind::unsupported,
                           "the running edge has another port: " + std::to_string(facts->port));
        co_return Handover(std::move(link), std::move(listener));
    }
}

namespace {

// Silence is consent: an edge that died or hangs needs a successor more than any other.
asio::awaitable<Result<void>> say(HandoverLink& link, std::string_view word) {
    link.write_line(word);
    const auto answer = co_await link.read_line(limits::handover_answer);
    if (answer && answer->starts_with(refusal))
        co_return fail(ErrorKind::unsupported,
                       "the running edge goes on: " + to_safe_text(*answer, 100));
    co_return Result<void>();
}

}  // namespace

asio::awaitable<Result<void>> Handover::confirm() { co_return co_await say(*link_, "accepting"); }
asio::awaitable<Result<void>> Handover::settle() { co_return co_await say(*link_, "settled"); }

}  // namespace halton::net
