#include "tls/session_cache.h"

#include <vector>

#include <openssl/ssl.h>

#include "base/limits.h"
#include "support/catch.h"
#include "tls/authority.h"
#include "tls/handshake.h"

using namespace halton;
using namespace halton::tls;

namespace {

// Real sessions from handshakes with a server of this program's own CA.
class Sessions {
public:
    explicit Sessions(uint16_t version) {
        const UtcTime now = system_clock().now_utc();
        now_s_ = std::chrono::system_clock::to_time_t(now);
        const auto files = *make_authority({"api.example.com"}, now);
        server_ = *(*Authority::load(files))->make_leaf_context("api.example.com", now);
        client_ = test::client_trusting(files.certificate_pem);
        SSL_CTX_set_max_proto_version(client_.get(), version);
        SSL_CTX_set_session_cache_mode(client_.get(),
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_set_app_data(client_.get(), this);
        SSL_CTX_sess_set_new_cb(client_.get(), [](SSL* ssl, SSL_SESSION* session) {
            auto* self = static_cast<Sessions*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
            self->newest_.reset(session);
            return 1;
        });
    }

    bssl::UniquePtr<SSL_SESSION> make() {
        REQUIRE(shake(nullptr).is_complete);
        REQUIRE(newest_);
        return std::move(newest_);
    }

    test::HandshakeResult shake(SSL_SESSION* session) {
        return test::shake_hands(client_.get(), server_.get(), "api.example.com", now_s_, session);
    }

private:
    bssl::UniquePtr<SSL_SESSION> newest_;
    bssl::UniquePtr<SSL_CTX> server_;
    bssl::UniquePtr<SSL_CTX> client_;
    long now_s_ = 0;
};

std::size_t count_of(SessionCache& cache, std::string_view key) {
    std::size_t count = 0;
    while (cache.take(key)) ++count;
    return count;
}

}  // namespace

TEST_CASE("a TLS 1.3 ticket is handed out once, the newest first, and it resumes") {
    Sessions sessions(TLS1_3_VERSION);
    SessionCache cache;
    auto first = sessions.make();
    auto second = sessions.make();
    const SSL_SESSION* const newest = second.get();
    cache.put("a", std::move(first));
    cache.put("a", std::move(second));
    const auto taken = cache.take("a");
    CHECK(taken.get() == newest);
    CHECK(sessions.shake(taken.get()).is_resumed);
    CHECK(cache.take("b") == nullptr);
    CHECK(cache.take("a") != nullptr);
    CHECK(cache.take("a") == nullptr);
}

TEST_CASE("a TLS 1.2 session stays and replaces its predecessor") {
    Sessions sessions(TLS1_2_VERSION);
    SessionCache cache;
    cache.put("a", sessions.make());
    cache.put("a", sessions.make());
    const auto taken = cache.take("a");
    REQUIRE(taken);
    CHECK(sessions.shake(taken.get()).is_resumed);
    CHECK(cache.take("a").get() == taken.get());
    cache.forget("a");
    CHECK(cache.take("a") == nullptr);
    cache.forget("a");
}

TEST_CASE("what cannot be resumed is not kept") {
    SessionCache cache;
    cache.put("a", nullptr);
    const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
    cache.put("a", bssl::UniquePtr<SSL_SESSION>(SSL_SESSION_new(context.get())));
    CHECK(cache.take("a") == nullptr);
}

TEST_CASE("the cache is bounded for each peer and in all, the oldest goes first") {
    Sessions sessions(TLS1_3_VERSION);
    const auto session = sessions.make();
    {
        SessionCache cache;
        for (std::size_t i = 0; i < limits::sessions_per_peer_max + 5; ++i)
            cache.put("a", bssl::UpRef(session));
        CHECK(count_of(cache, "a") == limits::sessions_per_peer_max);
    }
    SessionCache cache;
    const auto key = [](std::size_t i) { return "host" + std::to_string(i); };
    for (std::size_t i = 0; i < limits::session_cache_count_max; ++i)
        cache.put(key(i), bssl::UpRef(session));
    // Taking one makes its peer recent again; a second one keeps it alive.
    cache.put(key(0), bssl::UpRef(session));
    CHECK(count_of(cache, key(1)) == 0);
    CHECK(count_of(cache, key(0)) == 2);
    CHECK(count_of(cache, key(2)) == 1);
}

TEST_CASE("keys keep hosts, ports and ALPN lists apart") {
    const std::vector<std::string> keys{
        session_key("a.example", 443, {}),           session_key("a.example", 8443, {}),
        session_key("b.example", 443, {}),           session_key("a.example", 443, {"h2"}),
        session_key("a.example", 443, {"http/1.1"}), session_key("a.example", 443, {"h2", "x"}),
        session_key("a.example", 443, {"h2 1:x"})};
    for (std::size_t i = 0; i < keys.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) CHECK(keys[i] != keys[j]);
}
