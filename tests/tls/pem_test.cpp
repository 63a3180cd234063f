#include "tls/pem.h"

#include "support/catch.h"
#include "tls/authority.h"

using namespace halton;
using namespace halton::tls;

namespace {

AuthorityFiles some_authority() {
    return *make_authority({"api.example.com"}, *parse_iso8601("2026-09-01T12:00:00Z"));
}

std::vector<std::string> certificates_of(std::string_view pem, std::size_t broken_count) {
    std::vector<std::string> all;
    CHECK(for_each_certificate(pem, [&](std::string_view der) { all.emplace_back(der); }) ==
          broken_count);
    return all;
}

}  // namespace

TEST_CASE("what is written is what was read") {
    const std::string pem = some_authority().certificate_pem;
    const auto all = certificates_of(pem, 0);
    REQUIRE(all.size() == 1);
    CHECK(to_certificate_pem(all[0]) == pem);
}

TEST_CASE("certificates are found between anything else, in any line form") {
    const AuthorityFiles files = some_authority();
    const std::string pem = files.certificate_pem;
    const std::string der = certificates_of(pem, 0).at(0);
    std::string windows;
    std::string one_line;
    for (const char c : pem) {
        windows += c == '\n' ? "\r\n" : std::string(1, c);
        if (c != '\n') one_line += c;
    }
    std::string old_label = pem;
    for (const std::string mark : {"BEGIN ", "END "})
        old_label.insert(old_label.find(mark) + mark.size(), "X509 ");
    const std::string text = "# Some root\n" + pem + "\x01\xff garbage\n" + windows +
                             files.key_pem + one_line + old_label;
    const auto all = certificates_of(text, 0);
    REQUIRE(all.size() == 4);
    for (const auto& one : all) CHECK(one == der);
}

TEST_CASE("broken blocks are counted and take no neighbour with them") {
    const std::string pem = some_authority().certificate_pem;
    const std::string cut = pem.substr(0, pem.size() / 2);
    const std::string begin = "-----BEGIN CERTIFICATE-----\n";
    const std::string end = "-----END CERTIFICATE-----\n";
    CHECK(certificates_of(cut + pem, 1).size() == 1);
    CHECK(certificates_of(begin + "####\n" + end + pem, 1).size() == 1);
    CHECK(certificates_of(begin + end + pem, 1).size() == 1);
    CHECK(certificates_of(begin + "AAAA\n" + end + pem, 1).size() == 1);
    CHECK(certificates_of(pem + begin, 1).size() == 1);
    CHECK(certificates_of("", 0).empty());
    CHECK(certificates_of("-----BEGIN ", 0).empty());
}

TEST_CASE("a key that calls itself a certificate is none") {
    std::string key = some_authority().key_pem;
    for (std::size_t at; (at = key.find("PRIVATE KEY")) != std::string::npos;)
        key.replace(at, std::string("PRIVATE KEY").size(), "CERTIFICATE");
    CHECK(certificates_of(key, 1).empty());
}
