#include "tls/bundle.h"

#include "base/limits.h"
#include "support/catch.h"
#include "tls/authority.h"

using namespace halton;
using namespace halton::tls;

namespace {

AuthorityFiles some_authority() {
    return *make_authority({"api.example.com"}, *parse_iso8601("2026-09-01T12:00:00Z"));
}

}  // namespace

TEST_CASE("system roots, the user's own and ours, in that order") {
    const std::string system = some_authority().certificate_pem;
    const std::string own = some_authority().certificate_pem;
    const std::string root = some_authority().certificate_pem;
    CHECK(*merge_bundle({system, own}, root) == system + own + root);
    CHECK(*merge_bundle({}, root) == root);
    CHECK(count_certificates(system + own + root) == 3);
}

TEST_CASE("every certificate stands once, and ours last, however nested the run is") {
    const std::string system = some_authority().certificate_pem;
    const std::string outer = some_authority().certificate_pem;
    const std::string root = some_authority().certificate_pem;
    const auto once = merge_bundle({system, outer}, root);
    REQUIRE(once);
    const auto nested = merge_bundle({system, *once, "# again\n" + system}, root);
    REQUIRE(nested);
    CHECK(*nested == *once);
}

TEST_CASE("a private key in somebody's file is never copied") {
    const AuthorityFiles own = some_authority();
    const std::string root = some_authority().certificate_pem;
    const auto merged = merge_bundle({own.key_pem + own.certificate_pem + own.key_pem}, root);
    REQUIRE(merged);
    CHECK(*merged == own.certificate_pem + root);
    CHECK(merged->find("PRIVATE") == std::string::npos);
    const std::string key_body = own.key_pem.substr(own.key_pem.find('\n') + 1, 60);
    CHECK(merged->find(key_body) == std::string::npos);
}

TEST_CASE("garbage is dropped, a bad root is an error") {
    const std::string root = some_authority().certificate_pem;
    CHECK(*merge_bundle({"", "no certificate here", root.substr(0, 200)}, root) == root);
    for (const std::string& bad : {std::string(), std::string("garbage"), root + root,
                                   root + root.substr(0, 100), some_authority().key_pem}) {
        const auto merged = merge_bundle({root}, bad);
        REQUIRE_FALSE(merged);
        CHECK(merged.error().kind == ErrorKind::malformed);
    }
}

TEST_CASE("huge input is refused") {
    const std::string root = some_authority().certificate_pem;
    const auto merged =
        merge_bundle({std::string(limits::ca_bundle_bytes_max - root.size() + 1, '\n')}, root);
    REQUIRE_FALSE(merged);
    CHECK(merged.error().kind == ErrorKind::too_large);
    CHECK(merge_bundle({std::string(limits::ca_bundle_bytes_max - root.size(), '\n')}, root));
}
