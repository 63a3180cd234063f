#include "tls/engine.h"

#include <openssl/ssl.h>

#include "support/catch.h"
#include "tls/authority.h"
#include "tls/handshake.h"

using namespace halton;
using namespace halton::tls;

namespace {

constexpr std::size_t no_limit = 1 << 20;

struct World {
    explicit World(const std::string& host = "api.example.com") {
        const UtcTime now = system_clock().now_utc();
        const auto files = *make_authority({"api.example.com"}, now);
        server_context = *(*Authority::load(files))->make_leaf_context(host, now);
        client_context = test::client_trusting(files.certificate_pem);
    }

    TlsEngine make_client() {
        auto engine = TlsEngine::make(client_context.get(), TlsEngine::Role::client);
        REQUIRE(engine);
        SSL_set_tlsext_host_name(engine->native(), "api.example.com");
        SSL_set1_host(engine->native(), "api.example.com");
        return std::move(*engine);
    }

    TlsEngine make_server() {
        auto engine = TlsEngine::make(server_context.get(), TlsEngine::Role::server);
        REQUIRE(engine);
        return std::move(*engine);
    }

    bssl::UniquePtr<SSL_CTX> server_context;
    bssl::UniquePtr<SSL_CTX> client_context;
};

std::string take(std::string& bytes) { return std::exchange(bytes, {}); }

// Gives `wire` in pieces and advances the handshake after each of them.
Result<TlsEngine::Progress> advance(TlsEngine& engine, const std::string& wire, std::size_t piece) {
    auto progress = engine.handshake();
    for (std::size_t at = 0; progress && at < wire.size(); at += piece) {
        engine.give(std::string_view(wire).substr(at, piece));
        progress = engine.handshake();
    }
    return progress;
}

bool shake(TlsEngine& client, TlsEngine& server, std::size_t piece) {
    bool is_client_done = false;
    bool is_server_done = false;
    for (int round = 0; round < 5 && !(is_client_done && is_server_done); ++round) {
        const auto c = advance(client, take(server.output()), piece);
        const auto s = advance(server, take(client.output()), piece);
        if (!c || !s) return false;
        is_client_done = *c == TlsEngine::Progress::done;
        is_server_done = *s == TlsEngine::Progress::done;
    }
    return is_client_done && is_server_done;
}

// All plaintext in `wire`, given in pieces and taken through a buffer of `buffer_bytes`.
std::string decrypt_all(TlsEngine& engine, const std::string& wire, std::size_t piece,
                        std::size_t buffer_bytes, bool* is_closed = nullptr) {
    std::string all;
    std::string buffer(buffer_bytes, '\0');
    for (std::size_t at = 0; at < wire.size(); at += piece) {
        engine.give(std::string_view(wire).substr(at, piece));
        for (;;) {
            const auto got = engine.decrypt(buffer);
            REQUIRE(got);
            all.append(buffer, 0, got->bytes);
            if (is_closed) *is_closed = got->is_closed;
            if (got->bytes == 0) break;
        }
    }
    return all;
}

}  // namespace

TEST_CASE("a handshake and data in pieces of any size") {
    World world;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, no_limit}) {
        INFO("pieces of " << piece);
        TlsEngine client = world.make_client();
        TlsEngine server = world.make_server();
        REQUIRE(shake(client, server, piece));
        std::string text;
        for (int i = 0; i < 40'000; ++i) text += static_cast<char>('a' + i % 26);
        std::string wire;
        REQUIRE(server.encrypt(text, wire));
        CHECK(wire.size() > text.size());
        // The server's tickets stand in front of its data.
        CHECK(decrypt_all(client, take(server.output()) + wire, piece, 1000) == text);
        wire.clear();
        REQUIRE(client.encrypt("question", wire));
        CHECK(decrypt_all(server, take(client.output()) + wire, piece, 16) == "question");
    }
}

TEST_CASE("an orderly close is told apart from silence") {
    World world;
    TlsEngine client = world.make_client();
    TlsEngine server = world.make_server();
    REQUIRE(shake(client, server, no_limit));
    std::string wire;
    REQUIRE(client.encrypt("last words", wire));
    bool is_closed = true;
    CHECK(decrypt_all(server, take(client.output()) + wire, no_limit, 100, &is_closed) ==
          "last words");
    CHECK_FALSE(is_closed);
    wire.clear();
    client.close(wire);
    CHECK(decrypt_all(server, wire, no_limit, 100, &is_closed).empty());
    CHECK(is_closed);
}

TEST_CASE("a certificate that does not verify is tls_verify here and an alert over there") {
    World world;
    World stranger;
    TlsEngine client = stranger.make_client();
    TlsEngine server = world.make_server();
    REQUIRE(client.handshake());
    REQUIRE(advance(server, take(client.output()), no_limit));
    const auto refused = advance(client, take(server.output()), no_limit);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::tls_verify);
    CHECK_FALSE(refused.error().context.empty());
    const auto told = advance(server, take(client.output()), no_limit);
    REQUIRE_FALSE(told);
    CHECK(told.error().kind == ErrorKind::tls_alert);
    CHECK(told.error().context.find("unknown CA") != std::string::npos);
}

TEST_CASE("an alert without encryption is an alert too") {
    // What OpenSSL clients send when they refuse a TLS 1.3 certificate.
    const std::string unknown_ca("\x15\x03\x03\x00\x02\x02\x30", 7);
    World world;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, no_limit}) {
        INFO("pieces of " << piece);
        TlsEngine client = world.make_client();
        TlsEngine server = world.make_server();
        REQUIRE(client.handshake());
        REQUIRE(advance(server, take(client.output()), no_limit));
        const auto failed = advance(server, unknown_ca, piece);
        REQUIRE_FALSE(failed);
        CHECK(failed.error().kind == ErrorKind::tls_alert);
    }
}

TEST_CASE("a leaf for another host does not verify") {
    World world("other.example.com");
    TlsEngine client = world.make_client();
    TlsEngine server = world.make_server();
    REQUIRE(client.handshake());
    REQUIRE(advance(server, take(client.output()), no_limit));
    const auto refused = advance(client, take(server.output()), no_limit);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::tls_verify);
}

TEST_CASE("bytes that are no TLS are tls_protocol") {
    World world;
    TlsEngine server = world.make_server();
    const auto result = advance(server, "GET / HTTP/1.1\r\n\r\n", no_limit);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::tls_protocol);
}

TEST_CASE("damaged records: what came before is good, then the error shows") {
    World world;
    TlsEngine client = world.make_client();
    TlsEngine server = world.make_server();
    REQUIRE(shake(client, server, no_limit));
    std::string wire = take(client.output());
    REQUIRE(client.encrypt("good", wire));
    std::string damaged;
    REQUIRE(client.encrypt("bad", damaged));
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    wire += damaged;
    server.give(wire);
    std::string buffer(100, '\0');
    const auto first = server.decrypt(buffer);
    REQUIRE(first);
    CHECK(buffer.substr(0, first->bytes) == "good");
    const auto second = server.decrypt(buffer);
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == ErrorKind::tls_protocol);
}

TEST_CASE("ALPN: the chosen protocol, or none") {
    World world;
    SSL_CTX_set_alpn_select_cb(
        world.server_context.get(),
        [](SSL*, const uint8_t** out, uint8_t* out_length, const uint8_t* in, unsigned in_length,
           void*) {
            return SSL_select_next_proto(const_cast<uint8_t**>(out), out_length,
                                         reinterpret_cast<const uint8_t*>("\x08http/1.1"), 9, in,
                                         in_length) == OPENSSL_NPN_NEGOTIATED
                       ? SSL_TLSEXT_ERR_OK
                       : SSL_TLSEXT_ERR_NOACK;
        },
        nullptr);
    TlsEngine client = world.make_client();
    TlsEngine server = world.make_server();
    SSL_set_alpn_protos(client.native(), reinterpret_cast<const uint8_t*>("\x02h2\x08http/1.1"),
                        12);
    REQUIRE(shake(client, server, no_limit));
    CHECK(client.alpn() == "http/1.1");
    CHECK(server.alpn() == "http/1.1");

    TlsEngine silent = world.make_client();
    TlsEngine other = world.make_server();
    REQUIRE(shake(silent, other, no_limit));
    CHECK(silent.alpn().empty());
}

TEST_CASE("a moved engine goes on where it was") {
    World world;
    TlsEngine client = world.make_client();
    TlsEngine first = world.make_server();
    REQUIRE(client.handshake());
    REQUIRE(advance(first, take(client.output()), no_limit));
    TlsEngine server = std::move(first);
    TlsEngine assigned = world.make_server();
    assigned = std::move(server);
    REQUIRE(shake(client, assigned, no_limit));
}
