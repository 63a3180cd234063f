// What tests of coroutines and sockets share: an io_context that is driven to a result or fails,
// connected pairs, and the test's own end of a connection. Loopback and free ports only.
// Nothing here measures time; `safety` only turns a hang into a failure.
#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "base/limits.h"
#include "base/log.h"
#include "http/head.h"
#include "net/tcp_stream.h"
#include "platform/socket.h"

namespace halton::test {

using net::Milliseconds;
using net::TcpStream;

// Longer than anything takes, on a loaded machine and under sanitizers too.
inline constexpr std::chrono::seconds safety{30};

// Every limit far away; a test makes the one it is about small.
inline Limits generous_limits() {
    Limits limits;
    limits.first_head = limits.connect = limits.handshake = limits.idle = limits.chain_answer =
        limits.probe = limits.resolve = safety;
    return limits;
}

class Io {
public:
    Io() : is_busy_(context.get_executor()) {
        std::signal(SIGPIPE, SIG_IGN);  // as every role does
        set_log_level(LogLevel::error);
    }

    // Runs the task to its end. What it throws is thrown here.
    template <class T>
    T run(asio::awaitable<T> task) {
        std::optional<T> result;
        run(keep(std::move(task), result));
        return std::move(*result);
    }
    void run(asio::awaitable<void> task) {
        bool is_done = false;
        std::exception_ptr failure;
        asio::co_spawn(context, std::move(task), [&](std::exception_ptr exception) {
            failure = exception;
            is_done = true;
        });
        until([&] { return is_done; });
        if (failure) std::rethrow_exception(failure);
    }

    // Runs whatever there is to do until `is_true`, which is asked again and again.
    void until(const std::function<bool()>& is_true) {
        const auto end = std::chrono::steady_clock::now() + safety;
        while (!is_true()) {
            if (std::chrono::steady_clock::now() > end) throw std::runtime_error("a hang");
            context.run_one_for(std::chrono::milliseconds(1));
        }
    }

    // The same for dialogues of many small steps: never sleeps.
    void spin_until(const std::function<bool()>& is_true) {
        const auto end = std::chrono::steady_clock::now() + safety;
        while (!is_true()) {
            if (std::chrono::steady_clock::now() > end) throw std::runtime_error("a hang");
            context.poll();
        }
    }

    // Everything that can be done without waiting.
    void settle() {
        while (context.poll() > 0) {
        }
    }

    asio::io_context context{1};

private:
    template <class T>
    static asio::awaitable<void> keep(asio::awaitable<T> task, std::optional<T>& result) {
        result.emplace(co_await std::move(task));
    }

    asio::executor_work_guard<asio::io_context::executor_type> is_busy_;
};

inline asio::awaitable<void> wait_for(Io& io, Milliseconds time) {
    asio::steady_timer timer(io.context, time);
    co_await timer.async_wait(asio::use_awaitable);
}

// ---- connections -----------------------------------------------------------------------------

inline void set_buffers(int socket, int bytes) {
    if (bytes == 0) return;
    ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

inline std::uint16_t port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

// A port on which nobody listens, and nobody else can while this lives.
class UnusedPort {
public:
    UnusedPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const auto address = loopback(0);
        if (::bind(socket_.descriptor(), reinterpret_cast<const sockaddr*>(&address),
                   sizeof address) != 0)
            throw std::runtime_error("no free port");
    }
    std::uint16_t port() const { return port_of(socket_.descriptor()); }

private:
    platform::Socket socket_;
};

struct TcpPair {
    platform::Socket a;
    platform::Socket b;
};

// Two connected, non-blocking TCP sockets; small buffers (in bytes) make full ones easy to have.
inline TcpPair make_tcp_pair(int buffer_bytes = 0) {
    const platform::Socket listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    set_buffers(listener.descriptor(), buffer_bytes);  // inherited by what it accepts
    auto address = loopback(0);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    TcpPair pair;
    pair.a = platform::Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    set_buffers(pair.a.descriptor(), buffer_bytes);
    if (::bind(listener.descriptor(), raw, size) != 0 || ::listen(listener.descriptor(), 1) != 0 ||
        ::getsockname(listener.descriptor(), raw, &size) != 0 ||
        ::connect(pair.a.descriptor(), raw, size) != 0)
        throw std::runtime_error("no loopback connection");
    pair.b = platform::Socket(::accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
    for (const auto* end : {&pair.a, &pair.b}) {
        const int flags = ::fcntl(end->descriptor(), F_GETFL);
        ::fcntl(end->descriptor(), F_SETFL, flags | O_NONBLOCK);
    }
    return pair;
}

inline TcpStream to_stream(Io& io, platform::Socket socket, Leg leg = Leg::client) {
    asio::ip::tcp::socket taken(io.context);
    taken.assign(asio::ip::tcp::v4(), socket.release());
    return TcpStream(std::move(taken), leg);
}

// The test's end of a connection, for tests that drive both sides by hand. Never waits.
class Peer {
public:
    explicit Peer(platform::Socket socket) : socket_(std::move(socket)) {}

    // Sends what fits; returns how much that was.
    std::size_t send(std::string_view bytes) {
        if (bytes.empty()) return 0;  // behind an end even nothing is too much
        const auto sent = socket_.send(bytes);
        if (sent.status == platform::IoResult::Status::failed) is_reset = true;
        return sent.bytes;
    }
    // Takes what is there, at most `bytes_max`.
    void receive(std::size_t bytes_max = std::string::npos) {
        char buffer[16 * 1024];
        while (!is_over() && bytes_max > 0) {
            const auto got = socket_.receive({buffer, std::min(sizeof buffer, bytes_max)});
            if (got.status == platform::IoResult::Status::would_block) return;
            if (got.status == platform::IoResult::Status::end) is_ended = true;
            if (got.status == platform::IoResult::Status::failed) is_reset = true;
            received.append(buffer, got.bytes);
            bytes_max -= got.bytes;
        }
    }
    void end() { socket_.shutdown_write(); }
    void close() { socket_.close(); }
    void reset() {
        socket_.reset_on_close();
        socket_.close();
    }
    bool is_over() const { return is_ended || is_reset; }
    platform::Socket& socket() { return socket_; }

    std::string received;
    bool is_ended = false;  // the other side sent its end
    bool is_reset = false;

private:
    platform::Socket socket_;
};

// A listening port of a test.
class Server {
public:
    explicit Server(Io& io, asio::ip::tcp::endpoint address = {asio::ip::address_v4::loopback(), 0})
        : acceptor_(io.context, address) {}

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    asio::awaitable<TcpStream> accept() {
        // Cancelled at a test's end, it gives a stream that fails.
        auto [error, socket] = co_await acceptor_.async_accept(
            asio::experimental::as_tuple(asio::use_awaitable));
        if (!error) ++accepted_count;
        co_return TcpStream(std::move(socket), Leg::client);
    }
    void close() { acceptor_.close(); }

    int accepted_count = 0;

private:
    asio::ip::tcp::acceptor acceptor_;
};

inline asio::awaitable<TcpStream> connect_to(Io& io, std::uint16_t port) {
    asio::ip::tcp::socket socket(io.context);
    co_await socket.async_connect({asio::ip::address_v4::loopback(), port}, asio::use_awaitable);
    co_return TcpStream(std::move(socket), Leg::client);
}

// Closes it under whoever still waits on it; the object stays.
inline void close(std::optional<TcpStream>& stream) {
    std::error_code ignored;
    if (stream) stream->socket().close(ignored);
}

// ---- reading ---------------------------------------------------------------------------------

// Exactly that many bytes, or fewer when the stream ends first.
inline asio::awaitable<std::string> read_exactly(TcpStream& stream, std::size_t count) {
    std::string bytes;
    while (bytes.size() < count) {
        const auto more = co_await stream.read_more(bytes, count - bytes.size(), safety);
        if (!more) break;
    }
    co_return bytes;
}

// Up to and with the blank line; not a byte more.
inline asio::awaitable<std::string> read_head(TcpStream& stream) {
    std::string bytes;
    while (!bytes.ends_with("\r\n\r\n")) {
        const auto more = co_await stream.read_more(bytes, 1, safety);
        if (!more) break;
    }
    co_return bytes;
}

struct ReadToEnd {
    std::string bytes;
    ErrorKind end = ErrorKind::closed;  // or reset
};

inline asio::awaitable<ReadToEnd> read_to_end(TcpStream& stream) {
    ReadToEnd read;
    for (;;) {
        const auto more = co_await stream.read_more(read.bytes, 64 * 1024, safety);
        if (more) continue;
        read.end = more.error().kind;
        co_return read;
    }
}

// ---- bytes -----------------------------------------------------------------------------------

inline std::string random_bytes(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
}

inline std::size_t pick(std::mt19937& random, std::size_t from, std::size_t to) {
    return std::uniform_int_distribution<std::size_t>(from, to)(random);
}

}  // namespace halton::test
