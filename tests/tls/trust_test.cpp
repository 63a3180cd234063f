#include "tls/trust.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/limits.h"
#include "support/catch.h"
#include "tls/authority.h"
#include "tls/handshake.h"

using namespace halton;
using namespace halton::tls;

namespace {

const UtcTime now = *parse_iso8601("2026-09-01T12:00:00Z");

AuthorityFiles some_authority() { return *make_authority({"api.example.com"}, now); }

bool accepts(X509_STORE* store, const AuthorityFiles& files) {
    const auto server = (*Authority::load(files))->make_leaf_context("api.example.com", now);
    REQUIRE(server);
    const bssl::UniquePtr<SSL_CTX> client(SSL_CTX_new(TLS_method()));
    X509_STORE_up_ref(store);
    SSL_CTX_set_cert_store(client.get(), store);
    SSL_CTX_set_verify(client.get(), SSL_VERIFY_PEER, nullptr);
    return test::shake_hands(client.get(), server->get(), "api.example.com",
                             std::chrono::system_clock::to_time_t(now))
        .is_complete;
}

}  // namespace

TEST_CASE("every root of every text is trusted and no other") {
    const AuthorityFiles first = some_authority();
    const AuthorityFiles second = some_authority();
    const AuthorityFiles stranger = some_authority();
    TrustCounts counts;
    const auto store = make_trust_store(
        {"# system\n" + first.certificate_pem, second.certificate_pem + first.certificate_pem},
        &counts);
    REQUIRE(store);
    CHECK(counts.root_count == 2);
    CHECK(counts.broken_count == 0);
    CHECK(accepts(store->get(), first));
    CHECK(accepts(store->get(), second));
    CHECK_FALSE(accepts(store->get(), stranger));
}

TEST_CASE("broken roots are skipped and counted") {
    const AuthorityFiles good = some_authority();
    const std::string cut = good.certificate_pem.substr(0, 300);
    TrustCounts counts;
    const auto store = make_trust_store({cut + good.certificate_pem, good.key_pem}, &counts);
    REQUIRE(store);
    CHECK(counts.root_count == 1);
    CHECK(counts.broken_count == 1);
    CHECK(accepts(store->get(), good));
}

TEST_CASE("no root at all is an error, and so is a huge input") {
    TrustCounts counts;
    for (const std::vector<std::string>& texts :
         {std::vector<std::string>{}, {""}, {"garbage", some_authority().key_pem}}) {
        const auto store = make_trust_store(texts, &counts);
        REQUIRE_FALSE(store);
        CHECK(store.error().kind == ErrorKind::not_found);
        CHECK(counts.root_count == 0);
    }
    const auto store = make_trust_store({std::string(limits::ca_bundle_bytes_max + 1, '\n')});
    REQUIRE_FALSE(store);
    CHECK(store.error().kind == ErrorKind::too_large);
}

TEST_CASE("the known bundle places are absolute files, each once") {
    const auto paths = system_bundle_paths();
    CHECK(paths.size() >= 6);
    for (std::size_t i = 0; i < paths.size(); ++i) {
        CHECK(paths[i].front() == '/');
        CHECK(std::count(paths.begin(), paths.end(), paths[i]) == 1);
    }
}
