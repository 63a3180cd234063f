#include "support/provider/server.h"

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/signal_set.hpp>
#include <asio/ssl.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <fmt/format.h>

#include "support/provider/http2.h"
#include "support/provider/websocket.h"

namespace provider {

namespace {

using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;
using tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<tcp::socket>;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

// Which context a server name gets; found from the SSL object by way of its first context.
class TlsSetup {
public:
    TlsSetup(const Options& options, const TestAuthority& authority) {
        auto add = [&](const std::vector<std::string>& names, Flaw flaw) {
            for (const auto& name : names) {
                contexts_[lower(name)] = make_server_context(
                    authority.issue_server({name}, flaw), options.tls_version_max,
                    options.protocols);
            }
        };
        std::vector<std::string> good = options.names;
        for (const auto& name : options.client_certificate_names) {
            good.push_back(name);
            client_certificate_names_[lower(name)] = true;
        }
        good.push_back("127.0.0.1");
        default_ = make_server_context(authority.issue_server(good, Flaw::none),
                                       options.tls_version_max, options.protocols);
        add(options.expired_names, Flaw::expired);
        add(options.wrong_host_names, Flaw::wrong_host);
        add(options.self_signed_names, Flaw::self_signed);

        SSL_CTX_set_tlsext_servername_arg(default_.get(), this);
        SSL_CTX_set_tlsext_servername_callback(default_.get(), on_server_name);
    }

    // Asio's context frees what it holds, therefore one more reference.
    asio::ssl::context make_asio_context() const {
        SSL_CTX_up_ref(default_.get());
        return asio::ssl::context(default_.get());
    }

private:
    static int on_server_name(SSL* ssl, int*, void* self_pointer) {
        auto& self = *static_cast<TlsSetup*>(self_pointer);
        const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        auto key = lower(name ? name : "");
        if (auto found = self.contexts_.find(key); found != self.contexts_.end())
            SSL_set_SSL_CTX(ssl, found->second.get());
        if (self.client_certificate_names_.count(key))
            SSL_set_custom_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                  [](SSL*, std::uint8_t*) { return ssl_verify_ok; });
        return SSL_TLSEXT_ERR_OK;
    }

    SslContext default_;
    std::map<std::string, SslContext> contexts_;
    std::map<std::string, bool> client_certificate_names_;
};

struct Services {
    const Options& options;
    const Script& script;
    Ledger& ledger;
    std::uint64_t connection_count = 0;
    long long canned_count = 0;

    // For the next canned answer.
    Canned next_canned() {
        auto canned = options.canned;
        if (options.counts_up) {
            canned.input_tokens += canned_count;
            canned.output_tokens += canned_count++;
            canned.request_id = fmt::format("req_test{:04}", canned_count);
        }
        return canned;
    }
};

// The plaintext of one connection as files.
class RawRecord {
public:
    RawRecord(const std::string& directory, std::uint64_t connection) {
        if (directory.empty()) return;
        auto stem = directory + "/" + std::to_string(connection);
        in_.reset(std::fopen((stem + ".in").c_str(), "wb"));
        out_.reset(std::fopen((stem + ".out").c_str(), "wb"));
    }
    void received(std::string_view bytes) { put(in_.get(), bytes); }
    void sent(std::string_view bytes) { put(out_.get(), bytes); }

private:
    static void put(std::FILE* file, std::string_view bytes) {
        if (!file) return;
        std::fwrite(bytes.data(), 1, bytes.size(), file);
        std::fflush(file);
    }
    std::unique_ptr<std::FILE, Deleter<std::fclose>> in_;
    std::unique_ptr<std::FILE, Deleter<std::fclose>> out_;
};

template <class Stream>
struct Connection {
    Stream& stream;
    Services& services;
    std::uint64_t number;
    RawRecord raw;

    Connection(Stream& s, Services& all, std::uint64_t n)
        : stream(s), services(all), number(n), raw(all.options.raw_directory, n) {}

    // Empty at the end of the stream or on an error.
    awaitable<std::string_view> read(char* buffer, std::size_t size) {
        asio::error_code error;
        auto length = co_await stream.async_read_some(asio::buffer(buffer, size),
                                                      redirect_error(use_awaitable, error));
        std::string_view bytes(buffer, error ? 0 : length);
        raw.received(bytes);
        co_return bytes;
    }

    awaitable<bool> write(std::string_view bytes, Digest* digest) {
        asio::error_code error;
        co_await asio::async_write(stream, asio::buffer(bytes.data(), bytes.size()),
                                   redirect_error(use_awaitable, error));
        if (error) co_return false;
        if (digest) digest->add(bytes);
        raw.sent(bytes);
        co_return true;
    }
};

awaitable<void> wait(std::chrono::milliseconds delay) {
    if (delay.count() == 0) co_return;
    asio::steady_timer timer(co_await asio::this_coro::executor, delay);
    asio::error_code error;
    co_await timer.async_wait(redirect_error(use_awaitable, error));
}

enum class Ending { keep, close, reset, shutdown };

// Sends the answer; true when all of it was written.
template <class Stream>
awaitable<bool> send(Connection<Stream>& connection, const Answer& answer, Digest& digest) {
    auto budget = answer.cut_after.value_or(static_cast<std::size_t>(-1));
    for (const auto& piece : answer.wire) {
        co_await wait(piece.delay);
        std::string_view rest = piece.bytes;
        while (!rest.empty()) {
            if (budget == 0) co_return false;
            auto size = std::min(rest.size(), budget);
            if (answer.write_bytes) size = std::min(size, answer.write_bytes);
            if (!co_await connection.write(rest.substr(0, size), &digest)) co_return false;
            rest.remove_prefix(size);
            budget -= size;
        }
    }
    co_return true;
}

template <class Stream>
awaitable<void> echo(Connection<Stream>& connection, std::string first) {
    if (!first.empty() && !co_await connection.write(first, nullptr)) co_return;
    char buffer[16384];
    for (;;) {
        auto bytes = co_await connection.read(buffer, sizeof buffer);
        if (bytes.empty() || !co_await connection.write(bytes, nullptr)) co_return;
    }
}

template <class Stream>
awaitable<void> talk(Connection<Stream>& connection, SocketSession& session, std::string first) {
    char buffer[16384];
    std::string_view bytes = first;
    session.begin();
    for (;;) {
        const auto turns_before = session.entry().turns.size();
        if (!bytes.empty()) session.feed(bytes);
        const auto out = session.take_output();
        bool is_written = true;
        for (const auto& piece : out) {
            co_await wait(piece.delay);
            is_written = co_await connection.write(piece.bytes, &session.entry().sent);
            if (!is_written) break;
        }
        // What could not be said was not reported.
        if (!is_written) session.entry().turns.resize(turns_before);
        if (!is_written || session.is_over()) break;
        bytes = co_await connection.read(buffer, sizeof buffer);
        if (bytes.empty()) break;
    }
    session.entry().connection = connection.number;
    connection.services.ledger.write(session.entry());
}

// Nothing: the request names an item that is not there.
std::optional<Content> choose_content(const Request& request, Services& services) {
    auto item = request.header("x-test-item");
    if (item.empty()) return make_canned_content(request, services.next_canned());
    auto found = services.script.find(item);
    return found == services.script.end() ? std::nullopt : std::optional(found->second);
}

Answer choose_answer(const Request& request, Services& services) {
    auto content = choose_content(request, services);
    if (!content) return make_bad_request_answer("no such x-test-item");
    return make_answer(request, std::move(*content));
}

Ending ending_of(const Answer& answer, bool is_completed) {
    if (!is_completed && answer.cut_after) {
        if (answer.cut_how == Cut::reset) return Ending::reset;
        return answer.cut_how == Cut::shutdown ? Ending::shutdown : Ending::close;
    }
    return is_completed && !answer.closes ? Ending::keep : Ending::shutdown;
}

// HTTP/1.1 on a stream that is ready for it; says how the connection is to end.
template <class Stream>
awaitable<Ending> serve_http1(Connection<Stream>& connection) {
    using State = RequestReader::State;
    RequestReader reader;
    char buffer[16384];
    for (;;) {
        RequestEntry entry;
        entry.connection = connection.number;
        bool has_continued = false;
        auto is_early = [&] {
            return reader.state() == State::body &&
                   reader.request().header("x-test-early") == "1";
        };
        while ((reader.state() == State::head || reader.state() == State::body) && !is_early()) {
            if (reader.state() == State::body && !has_continued &&
                lower(reader.request().header("expect")) == "100-continue") {
                has_continued = true;
                if (!co_await connection.write("HTTP/1.1 100 Continue\r\n\r\n", &entry.sent))
                    co_return Ending::close;
            }
            auto bytes = co_await connection.read(buffer, sizeof buffer);
            if (bytes.empty()) {
                // Half a request is worth a line: somebody lost it.
                if (reader.state() == State::body || reader.has_leftover()) {
                    entry.method = reader.request().method;
                    entry.target = reader.request().target;
                    entry.received.add(reader.request().head);
                    entry.received.add(reader.request().raw_body);
                    connection.services.ledger.write(entry);
                }
                co_return Ending::shutdown;
            }
            reader.feed(bytes);
        }
        const Request& request = reader.request();
        bool is_broken = reader.state() == State::broken;
        const bool is_socket = !is_broken && is_socket_request(request);
        auto answer = is_broken   ? make_bad_request_answer(reader.problem())
                      : is_socket ? make_socket_answer(request)
                                  : choose_answer(request, connection.services);
        entry.item = request.header("x-test-item");
        entry.method = request.method;
        entry.target = request.target;
        entry.host = request.header("host");
        entry.status = answer.status;
        entry.usage = answer.usage;
        entry.received.add(request.head);
        entry.received.add(request.raw_body);
        entry.received_body.add(request.body);
        entry.is_completed = co_await send(connection, answer, entry.sent);
        connection.services.ledger.write(entry);

        if (is_socket && entry.is_completed) {
            const auto scripted = connection.services.script.find(entry.item);
            SocketSession session(request, scripted == connection.services.script.end()
                                               ? std::vector<ScriptFrame>{}
                                               : scripted->second.frames,
                                  [&] { return connection.services.next_canned(); });
            co_await talk(connection, session, reader.take_leftover());
            // Who only stops speaking leaves without close_notify.
            co_return session.entry().is_closed || session.entry().is_completed ? Ending::shutdown
                                                                                : Ending::close;
        }
        if (answer.is_upgrade && entry.is_completed) {
            co_await echo(connection, reader.take_leftover());
            co_return Ending::shutdown;
        }
        if (auto ending = ending_of(answer, entry.is_completed); ending != Ending::keep)
            co_return ending;
        reader.next();
    }
}

// HTTP/2 ----------------------------------------------------------------------------------

// One connection and the coroutines that answer its streams. They end before it does.
struct Http2Connection {
    Connection<TlsStream>& connection;
    Http2Session session;
    std::set<asio::steady_timer*> timers;
    std::set<std::int32_t> echoes;
    Ending ending = Ending::shutdown;
    std::size_t write_bytes = 0;
    int task_count = 0;
    bool is_writing = false;
    bool is_over = false;

    explicit Http2Connection(Connection<TlsStream>& on)
        : connection(on), session(make_hooks()) {}

    Http2Session::Hooks make_hooks();
    void start_answer(Http2Session::Stream& stream);
    void write_entry(Http2Session::Stream& stream);

    // False: the connection ended meanwhile.
    awaitable<bool> pause(std::chrono::milliseconds delay) {
        if (delay.count() > 0 && !is_over) {
            asio::steady_timer timer(connection.stream.get_executor(), delay);
            timers.insert(&timer);
            asio::error_code error;
            co_await timer.async_wait(redirect_error(use_awaitable, error));
            timers.erase(&timer);
        }
        co_return !is_over;
    }

    void end(Ending how) {
        if (is_over) return;
        is_over = true;
        ending = how;
        for (auto* timer : timers) timer->cancel();
        asio::error_code ignored;
        connection.stream.next_layer().cancel(ignored);
    }

    // Who writes already takes along what others want to send.
    awaitable<void> flush() {
        if (is_writing) co_return;
        is_writing = true;
        while (!is_over) {
            const auto out = session.take_output();
            if (out.empty()) break;
            const auto step = write_bytes ? write_bytes : out.size();
            for (std::size_t at = 0; at < out.size() && !is_over; at += step) {
                const bool is_written = co_await connection.write(
                    std::string_view(out).substr(at, step), nullptr);
                if (!is_written) end(Ending::close);
            }
        }
        is_writing = false;
    }

    // Until all that can be sent now was sent.
    awaitable<bool> flush_all() {
        co_await flush();
        while (is_writing && !is_over) co_await wait(std::chrono::milliseconds(1));
        co_return !is_over;
    }
    awaitable<bool> wait_sent(std::int32_t id, std::size_t bytes) {
        for (;;) {
            const bool goes_on = co_await flush_all();
            const auto* stream = session.find(id);
            if (!goes_on || !stream) co_return false;
            if (stream->sent_bytes >= bytes) co_return true;
            co_await wait(std::chrono::milliseconds(1));  // for its window
        }
    }
};

awaitable<void> answer_stream(Http2Connection& in, std::int32_t id, StreamAnswer answer) {
    bool goes_on = co_await in.pause(answer.head_delay);
    auto* stream = in.session.find(id);
    if (!goes_on || !stream) co_return;
    for (int status : answer.interim)
        in.session.send_interim(*stream, status,
                                status == 103 ? HeaderList{{"link", "</style.css>; rel=preload"}}
                                              : HeaderList{});
    stream->trailers = answer.trailers;
    stream->padding_bytes = answer.padding_bytes;
    if (answer.write_bytes) in.write_bytes = answer.write_bytes;
    if (answer.chunks == "random")
        stream->frame_bytes = [random = std::mt19937(answer.seed)]() mutable {
            return std::size_t{1 + random() % 1500};
        };
    else if (!answer.chunks.empty() && answer.chunks != "whole")
        stream->frame_bytes = [size = std::stoul(answer.chunks)] { return size; };
    in.session.send_head(*stream, answer.status, answer.headers, answer.has_body);

    std::size_t sent = 0;
    constexpr auto never = static_cast<std::size_t>(-1);
    auto go_away_after = answer.go_away_after;
    for (auto& piece : answer.body) {
        if (!answer.has_body) break;
        goes_on = co_await in.pause(piece.delay);
        std::string_view rest = piece.bytes;
        while (goes_on) {
            stream = in.session.find(id);
            if (!stream) co_return;
            const auto stop = std::min({answer.cut_after.value_or(never),
                                        answer.reset_after.value_or(never),
                                        go_away_after.value_or(never)});
            const auto size = std::min(rest.size(), stop - sent);
            in.session.send_body(*stream, rest.substr(0, size));
            rest.remove_prefix(size);
            sent += size;
            if (sent == stop) {
                goes_on = co_await in.wait_sent(id, sent);
                if (!goes_on) co_return;
                if (sent == answer.cut_after) {
                    in.end(answer.cut_how == Cut::reset      ? Ending::reset
                           : answer.cut_how == Cut::shutdown ? Ending::shutdown
                                                             : Ending::close);
                    co_return;
                }
                if (sent == answer.reset_after) {
                    in.session.reset(*in.session.find(id), answer.reset_code);
                    co_await in.flush();
                    co_return;
                }
                in.session.go_away(id, 0);
                go_away_after.reset();
                continue;
            }
            if (rest.empty()) break;
        }
        if (!goes_on) co_return;
        co_await in.flush();
    }
    if (stream = in.session.find(id); stream && answer.has_body) in.session.end_body(*stream);
    co_await in.flush();
}

Http2Session::Hooks Http2Connection::make_hooks() {
    using Stream = Http2Session::Stream;
    Http2Session::Hooks hooks;
    hooks.on_head = [this](Stream& stream) {
        stream.entry.connection = connection.number;
        stream.entry.item = stream.request.header("x-test-item");
        stream.entry.method = stream.request.method;
        stream.entry.target = stream.request.target;
        stream.entry.host = stream.request.header("host");
        if (stream.request.header("x-test-echo") == "1" || stream.request.method == "CONNECT") {
            echoes.insert(stream.id);
            if (stream.request.method != "CONNECT") stream.trailers = {{"grpc-status", "0"}};
            session.send_head(stream, 200, {{"content-type", "application/grpc"}}, true);
        } else if (stream.request.header("x-test-early") == "1") {
            start_answer(stream);
        }
    };
    hooks.on_body = [this](Stream& stream, std::string_view bytes) {
        if (echoes.count(stream.id)) session.send_body(stream, bytes);
    };
    hooks.on_end = [this](Stream& stream) {
        if (echoes.count(stream.id)) session.end_body(stream);
        else if (stream.request.header("x-test-early") != "1") start_answer(stream);
    };
    hooks.on_close = [this](Stream& stream) { write_entry(stream); };
    return hooks;
}

void Http2Connection::start_answer(Http2Session::Stream& stream) {
    auto content = choose_content(stream.request, connection.services);
    if (!content) {
        content.emplace();
        content->status = 400;
        content->body.push_back({{}, R"({"error":{"message":"no such x-test-item"}})"});
    }
    stream.entry.usage = content->usage;
    ++task_count;
    asio::co_spawn(connection.stream.get_executor(),
                   answer_stream(*this, stream.id,
                                 make_stream_answer(stream.request, std::move(*content))),
                   [this](std::exception_ptr) { --task_count; });
}

void Http2Connection::write_entry(Http2Session::Stream& stream) {
    stream.entry.received.add(stream.request.head);
    stream.entry.received.add(stream.request.body);
    stream.entry.received_body.add(stream.request.body);
    connection.services.ledger.write(stream.entry);
}

awaitable<Ending> serve_http2(Connection<TlsStream>& connection) {
    Http2Connection in(connection);
    char buffer[16384];
    while (!in.is_over) {
        co_await in.flush();
        if (in.session.is_over()) break;
        const auto bytes = co_await connection.read(buffer, sizeof buffer);
        if (bytes.empty() || in.is_over) break;
        const bool makes_sense = in.session.feed(bytes);
        if (!makes_sense) {
            co_await in.flush();  // says what was wrong
            break;
        }
    }
    in.end(Ending::shutdown);
    while (in.task_count > 0 || in.is_writing) co_await wait(std::chrono::milliseconds(2));
    // What never came to its end is worth a line: somebody lost it.
    for (auto& [id, stream] : in.session.streams()) in.write_entry(stream);
    co_return in.ending;
}

void set_reset_on_close(tcp::socket& socket) {
    asio::error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
}

// Says goodbye and reads what still comes for a moment: closing a socket with unread bytes would
// send a reset, which can overtake the answer.
awaitable<void> close_gently(tcp::socket& socket) {
    asio::error_code error;
    socket.shutdown(tcp::socket::shutdown_send, error);
    asio::steady_timer limit(socket.get_executor(), std::chrono::seconds(2));
    limit.async_wait([&socket](asio::error_code aborted) {
        asio::error_code ignored;
        if (!aborted) socket.close(ignored);
    });
    char buffer[4096];
    while (!error)
        co_await socket.async_read_some(asio::buffer(buffer), redirect_error(use_awaitable, error));
    limit.cancel();
}

awaitable<void> handle_plain(tcp::socket socket, Services& services) {
    ConnectionEntry entry;
    entry.connection = ++services.connection_count;
    services.ledger.write(entry);
    Connection<tcp::socket> connection(socket, services, entry.connection);
    auto ending = co_await serve_http1(connection);
    if (ending == Ending::reset) set_reset_on_close(socket);
    if (ending == Ending::shutdown) co_await close_gently(socket);
}

awaitable<void> handle_tls(tcp::socket socket, asio::ssl::context& context, Services& services) {
    ConnectionEntry entry;
    entry.connection = ++services.connection_count;
    entry.is_tls = true;
    TlsStream stream(std::move(socket), context);
    asio::error_code error;
    co_await stream.async_handshake(asio::ssl::stream_base::server,
                                    redirect_error(use_awaitable, error));
    SSL* ssl = stream.native_handle();
    if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
        entry.server_name = name;
    const std::uint8_t* alpn = nullptr;
    unsigned alpn_length = 0;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_length);
    entry.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_length);
    entry.has_handshake = !error;
    if (error) {
        entry.problem = error.message();
    } else {
        entry.tls_version = SSL_get_version(ssl);
        entry.is_resumed = SSL_session_reused(ssl) != 0;
        entry.has_client_certificate = SSL_get0_peer_certificates(ssl) != nullptr;
    }
    services.ledger.write(entry);
    if (error) {
        // The alert is in the socket's buffer; let it arrive.
        co_await close_gently(stream.next_layer());
        co_return;
    }
    Connection<TlsStream> connection(stream, services, entry.connection);
    Ending ending;
    if (entry.alpn == "h2") ending = co_await serve_http2(connection);
    else ending = co_await serve_http1(connection);
    if (ending == Ending::reset) set_reset_on_close(stream.next_layer());
    if (ending == Ending::shutdown) {
        // close_notify goes out first; the peer's answer to it is not waited for.
        SSL_set_quiet_shutdown(ssl, 0);
        asio::steady_timer limit(stream.get_executor(), std::chrono::milliseconds(500));
        limit.async_wait([&stream](asio::error_code aborted) {
            asio::error_code ignored;
            if (!aborted) stream.next_layer().cancel(ignored);
        });
        co_await stream.async_shutdown(redirect_error(use_awaitable, error));
        limit.cancel();
    }
}

template <class Handle>
awaitable<void> listen(tcp::acceptor& acceptor, Handle handle) {
    for (;;) {
        asio::error_code error;
        auto socket =
            co_await acceptor.async_accept(redirect_error(use_awaitable, error));
        if (error == asio::error::operation_aborted) co_return;
        if (error) {
            // Out of file descriptors, most likely: let others finish.
            co_await wait(std::chrono::milliseconds(10));
            continue;
        }
        socket.set_option(tcp::no_delay(true), error);
        asio::co_spawn(acceptor.get_executor(), handle(std::move(socket)), asio::detached);
    }
}

std::optional<tcp::acceptor> bind(asio::io_context& context, const std::string& address,
                                  std::uint16_t port) {
    asio::error_code error;
    tcp::endpoint endpoint(asio::ip::make_address(address, error), port);
    tcp::acceptor acceptor(context);
    if (!error) acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(4096, error);
    if (error) {
        std::fprintf(stderr, "test_provider: cannot listen on port %u: %s\n", port,
                     error.message().c_str());
        return std::nullopt;
    }
    return acceptor;
}

}  // namespace

int serve(const Options& options, const Script& script, const TestAuthority& authority,
          Ledger& ledger, void (*on_bound)(const Options&, const BoundPorts&)) {
    // Destroyed last to first: `context` goes first and with it every connection's frame, while
    // what the frames refer to still stands.
    Services services{options, script, ledger};
    TlsSetup setup(options, authority);
    auto tls = setup.make_asio_context();
    asio::io_context context(1);

    BoundPorts ports;
    auto tls_acceptor = bind(context, options.address, options.port);
    if (!tls_acceptor) return 1;
    ports.port = tls_acceptor->local_endpoint().port();
    std::optional<tcp::acceptor> http_acceptor;
    if (options.has_http) {
        http_acceptor = bind(context, options.address, options.http_port);
        if (!http_acceptor) return 1;
        ports.http_port = http_acceptor->local_endpoint().port();
    }

    asio::signal_set signals(context, SIGTERM, SIGINT);
    signals.async_wait([&](asio::error_code, int) { context.stop(); });
    asio::co_spawn(context, listen(*tls_acceptor, [&](tcp::socket socket) {
                       return handle_tls(std::move(socket), tls, services);
                   }),
                   asio::detached);
    if (http_acceptor)
        asio::co_spawn(context, listen(*http_acceptor, [&](tcp::socket socket) {
                           return handle_plain(std::move(socket), services);
                       }),
                       asio::detached);
    on_bound(options, ports);
    context.run();
    return 0;
}

}  // namespace provider
