#include "tls/upstream_context.h"

#include <utility>

#include <openssl/ssl.h>

#include "support/catch.h"
#include "tls/authority.h"

using namespace halton;
using namespace halton::tls;

namespace {

const std::string host = "api.example.com";

std::unique_ptr<UpstreamContext> context_trusting(const std::string& pem) {
    auto made = UpstreamContext::make({pem});
    REQUIRE(made);
    return std::move(*made);
}

// A provider with a certificate that our own kind of root signed.
struct Provider {
    Provider() {
        const UtcTime now = system_clock().now_utc();
        files = *make_authority({host, "127.0.0.1"}, now);
        context = *(*Authority::load(files))->make_leaf_context(host, now);
    }

    AuthorityFiles files;
    bssl::UniquePtr<SSL_CTX> context;
};

// The client's side of a whole handshake, the tickets read.
Result<void> shake(TlsEngine& client, SSL_CTX* server_context) {
    auto server = TlsEngine::make(server_context, TlsEngine::Role::server);
    REQUIRE(server);
    std::string buffer(100, '\0');
    std::string to_server, to_client;  // given bytes must hold until more are asked for
    for (int round = 0; round < 5; ++round) {
        const auto c = client.handshake();
        to_server = std::exchange(client.output(), {});
        if (!c) return fail(c.error());
        server->give(to_server);
        const auto s = server->handshake();
        to_client = std::exchange(server->output(), {});
        client.give(to_client);
        if (!s) return fail(s.error());
        if (*c == TlsEngine::Progress::done && *s == TlsEngine::Progress::done) {
            // The server's tickets come with its first data.
            REQUIRE(server->encrypt("hello", to_client));
            client.give(to_client);
            REQUIRE(client.decrypt(buffer));
            return {};
        }
    }
    return fail(ErrorKind::timeout, "no end of the handshake");
}

TlsEngine engine_for(UpstreamContext& context, const std::vector<std::string>& alpn = {},
                     const std::string& name = host) {
    auto engine = context.make_engine(name, 443, alpn);
    REQUIRE(engine);
    return std::move(*engine);
}

}  // namespace

TEST_CASE("a provider that we trust is accepted, by its own name only") {
    Provider provider;
    const auto context = context_trusting(provider.files.certificate_pem);
    TlsEngine right = engine_for(*context);
    CHECK(shake(right, provider.context.get()));
    TlsEngine wrong = engine_for(*context, {}, "other.example.com");
    const auto refused = shake(wrong, provider.context.get());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::tls_verify);
    TlsEngine address = engine_for(*context, {}, "127.0.0.1");
    CHECK_FALSE(shake(address, provider.context.get()));
}

TEST_CASE("a provider that we do not trust is refused") {
    Provider provider;
    Provider stranger;
    const auto context = context_trusting(stranger.files.certificate_pem);
    TlsEngine engine = engine_for(*context);
    const auto refused = shake(engine, provider.context.get());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::tls_verify);
    CHECK_FALSE(UpstreamContext::wants_client_certificate(engine));
}

TEST_CASE("the next connection resumes, but not for another ALPN list") {
    Provider provider;
    const auto context = context_trusting(provider.files.certificate_pem);
    TlsEngine first = engine_for(*context, {"http/1.1"});
    REQUIRE(shake(first, provider.context.get()));
    CHECK_FALSE(SSL_session_reused(first.native()));

    TlsEngine other = engine_for(*context);
    REQUIRE(shake(other, provider.context.get()));
    CHECK_FALSE(SSL_session_reused(other.native()));

    TlsEngine second = engine_for(*context, {"http/1.1"});
    REQUIRE(shake(second, provider.context.get()));
    CHECK(SSL_session_reused(second.native()));
}

TEST_CASE("a server that asks for a client certificate is noticed and gets none") {
    Provider provider;
    SSL_CTX_set_custom_verify(provider.context.get(),
                              SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                              [](SSL*, uint8_t*) { return ssl_verify_ok; });
    const auto context = context_trusting(provider.files.certificate_pem);
    TlsEngine engine = engine_for(*context);
    CHECK_FALSE(UpstreamContext::wants_client_certificate(engine));
    CHECK_FALSE(shake(engine, provider.context.get()));
    CHECK(UpstreamContext::wants_client_certificate(engine));
}

TEST_CASE("without any root there is no context") {
    const auto made = UpstreamContext::make({"garbage"});
    REQUIRE_FALSE(made);
    CHECK(made.error().kind == ErrorKind::not_found);
}

TEST_CASE("ALPN names that no hello can carry are an error") {
    Provider provider;
    const auto context = context_trusting(provider.files.certificate_pem);
    CHECK_FALSE(context->make_engine(host, 443, {""}));
    CHECK_FALSE(context->make_engine(host, 443, {std::string(256, 'a')}));
}
