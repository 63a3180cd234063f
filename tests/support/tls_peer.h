// The test's end of a TLS connection: keys and contexts, and a peer that talks over a stream.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/tls_handshake.h"
#include "support/io.h"
#include "tls/authority.h"
#include "tls/engine.h"
#include "tls/handshake.h"
#include "tls/pem.h"

namespace halton::test {

// A root of its own, servers with its leaves, and clients that trust it.
class TlsWorld {
public:
    explicit TlsWorld(const std::vector<std::string>& hosts)
        : files(*tls::make_authority(hosts, system_clock().now_utc())),
          authority(*tls::Authority::load(files)),
          client_context_(client_trusting(files.certificate_pem)) {}

    tls::TlsEngine make_server(const std::string& host, const std::string& alpn = {}) {
        auto& context = server_contexts_[host];
        if (!context) {
            context = *authority->make_leaf_context(host, system_clock().now_utc());
            tls::TlsEngine::enable_alpn_mirror(context.get());
        }
        auto engine = tls::TlsEngine::make(context.get(), tls::TlsEngine::Role::server);
        engine->mirror_alpn(alpn);
        return std::move(*engine);
    }

    // Verifies for `host`. An empty name sends none, and verifies nothing but the chain.
    tls::TlsEngine make_client(const std::string& host, const std::vector<std::string>& alpn = {}) {
        auto engine = tls::TlsEngine::make(client_context_.get(), tls::TlsEngine::Role::client);
        if (!host.empty()) {
            SSL_set_tlsext_host_name(engine->native(), host.c_str());
            SSL_set1_host(engine->native(), host.c_str());
        }
        std::string list;
        for (const std::string& name : alpn) list += static_cast<char>(name.size()) + name;
        SSL_set_alpn_protos(engine->native(), reinterpret_cast<const std::uint8_t*>(list.data()),
                            static_cast<unsigned>(list.size()));
        return std::move(*engine);
    }

    tls::AuthorityFiles files;
    std::shared_ptr<const tls::Authority> authority;

private:
    std::map<std::string, bssl::UniquePtr<SSL_CTX>> server_contexts_;
    bssl::UniquePtr<SSL_CTX> client_context_;
};

// Both engines through the whole handshake, in memory; whether they got there.
inline bool shake_in_memory(tls::TlsEngine& client, tls::TlsEngine& server) {
    using Progress = tls::TlsEngine::Progress;
    bool is_client_done = false;
    bool is_server_done = false;
    std::string to_client;
    std::string to_server;
    for (int round = 0; round < 6; ++round) {
        client.give(to_client);
        const auto c = client.handshake();
        to_server = std::move(client.output());
        client.output().clear();
        server.give(to_server);
        const auto s = server.handshake();
        to_client = std::move(server.output());
        server.output().clear();
        if (!c || !s) return false;
        is_client_done = *c == Progress::done;
        is_server_done = *s == Progress::done;
        if (is_client_done && is_server_done) break;
    }
    // Session tickets: the client reads them with its first data.
    char nothing[1];
    client.give(to_client);
    static_cast<void>(client.decrypt(nothing));
    server.give({});
    client.give({});
    return is_client_done && is_server_done;
}

class TlsPeer {
public:
    TlsPeer(TcpStream stream, tls::TlsEngine engine)
        : stream_(std::move(stream)), engine_(std::move(engine)) {}

    asio::awaitable<Result<void>> shake_hands() {
        auto rest = co_await net::run_handshake(stream_, engine_, {}, safety, Leg::client);
        if (!rest) co_return fail(rest.error());
        ciphertext_ = std::move(*rest);
        co_return Result<void>();
    }
    asio::awaitable<Result<void>> write(std::string_view plaintext) {
        std::string records;
        const auto encrypted = engine_.encrypt(plaintext, records);
        if (!encrypted) co_return fail(encrypted.error());
        co_return co_await stream_.write_all(records, safety);
    }
    // close_notify, then the end of the stream.
    asio::awaitable<void> end() {
        std::string records;
        engine_.close(records);
        co_await stream_.write_all(records, safety);
        stream_.shutdown_write();
    }
    // Until at least `count` bytes are in `received`, or the stream ends.
    asio::awaitable<void> read_until(std::size_t count) {
        while (received.size() < count && !is_over()) co_await read_once();
    }
    asio::awaitable<void> read_to_end() {
        while (!is_over()) co_await read_once();
    }

    bool is_over() const { return is_polite_end || failure; }
    TcpStream& stream() { return stream_; }
    tls::TlsEngine& engine() { return engine_; }

    std::string received;
    bool is_polite_end = false;        // close_notify came
    std::optional<ErrorKind> failure;  // closed: ended without one

private:
    asio::awaitable<void> read_once() {
        if (ciphertext_.empty()) {
            const auto more = co_await stream_.read_more(ciphertext_, 16 * 1024, safety);
            if (!more) failure = more.error().kind;
            if (!more) co_return;
        }
        char buffer[16 * 1024];
        engine_.give(ciphertext_);
        for (;;) {
            const auto got = engine_.decrypt(buffer);
            if (!got) failure = got.error().kind;
            if (!got) break;
            received.append(buffer, got->bytes);
            is_polite_end |= got->is_closed;
            if (got->bytes < sizeof buffer) break;
        }
        engine_.give({});
        ciphertext_.clear();
    }

    TcpStream stream_;
    tls::TlsEngine engine_;
    std::string ciphertext_;
};

}  // namespace halton::test
