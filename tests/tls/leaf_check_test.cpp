#include "tls/leaf_check.h"

#include "support/catch.h"

using namespace halton;
using tls::find_leaf_complaint;

namespace {

const UtcTime now = *parse_iso8601("2026-09-01T12:00:00Z");

struct Made {
    tls::AuthorityFiles files;
    std::shared_ptr<const tls::Authority> authority;
};

Made make() {
    auto files = tls::make_authority({"api.example.com"}, now);
    REQUIRE(files);
    auto authority = tls::Authority::load(*files);
    REQUIRE(authority);
    return {*files, *authority};
}

}  // namespace

TEST_CASE("leaf check: verifies with a bundle that holds our root") {
    const auto made = make();
    const auto other = make();
    const auto bundle = other.files.certificate_pem + made.files.certificate_pem;
    CHECK(find_leaf_complaint(*made.authority, bundle, "api.example.com", now).empty());
}

TEST_CASE("leaf check: another root, no root, no bundle") {
    const auto made = make();
    const auto other = make();
    CHECK_FALSE(
        find_leaf_complaint(*made.authority, other.files.certificate_pem, "api.example.com", now)
            .empty());
    CHECK_FALSE(find_leaf_complaint(*made.authority, "", "api.example.com", now).empty());
    CHECK_FALSE(find_leaf_complaint(*made.authority, "garbage", "api.example.com", now).empty());
}

TEST_CASE("leaf check: a host that the root does not permit, and a root of the past") {
    const auto made = make();
    CHECK_FALSE(find_leaf_complaint(*made.authority, made.files.certificate_pem, "example.org", now)
                    .empty());
    CHECK_FALSE(find_leaf_complaint(*made.authority, made.files.certificate_pem, "api.example.com",
                                    now + std::chrono::hours(24 * 365 * 11))
                    .empty());
}
