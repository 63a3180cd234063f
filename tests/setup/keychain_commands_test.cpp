#include "setup/keychain_commands.h"

#include "support/catch.h"
#include "support/golden.h"

using namespace halton;
using namespace halton::setup;

namespace {

CommandFact said(int exit_code, const std::string& recording) {
    CommandFact fact;
    fact.started = true;
    fact.exit_code = exit_code;
    fact.output = test::read_fixture("setup/macos/recorded/security_" + recording + ".txt");
    REQUIRE_FALSE(fact.output.empty());
    return fact;
}

const std::string first = "1F2E3D4C5B6A79880123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";

}  // namespace

TEST_CASE("keychain commands: only the login keychain is named") {
    Folders folders;
    folders.user_home = "/Users/ada";
    const std::string keychain = "/Users/ada/Library/Keychains/login.keychain-db";
    CHECK(add_trust_command(folders, "/h/ca.pem") == Argv{"security", "add-trusted-cert", "-r",
                                                          "trustRoot", "-p", "ssl", "-p", "basic",
                                                          "-k", keychain, "/h/ca.pem"});
    CHECK(find_certificates_command(folders, "our CA") ==
          Argv{"security", "find-certificate", "-a", "-Z", "-c", "our CA", keychain});
    CHECK(delete_certificate_command(folders, first) ==
          Argv{"security", "delete-certificate", "-Z", first, "-t", keychain});
    CHECK(remove_trust_command("/h/ca.pem") ==
          Argv{"security", "remove-trusted-cert", "/h/ca.pem"});
    CHECK(verify_trust_command("/h/ca.pem") ==
          Argv{"security", "verify-cert", "-L", "-l", "-p", "basic", "-c", "/h/ca.pem"});
}

TEST_CASE("keychain commands: verdicts") {
    CHECK(read_trust(said(0, "verify_good")) == Trust::trusted);
    CHECK(read_trust(said(1, "verify_12")) == Trust::not_trusted);
    CHECK(read_trust(said(1, "verify_15")) == Trust::not_trusted);
    CHECK(read_trust(said(1, "verify_no_file")) == Trust::unknown);
    CHECK(read_trust({}) == Trust::unknown);
}

TEST_CASE("keychain commands: hashes") {
    CHECK(parse_hashes(said(0, "find").output) ==
          std::vector<std::string>{first, std::string(64, 'A')});
    CHECK(parse_hashes(said(44, "find_none").output).empty());
    CHECK(parse_hashes("SHA-256 hash: \nSHA-256 hash: 12\nSHA-256 hash: " + std::string(64, 'x'))
              .empty());
    CHECK(parse_hashes("SHA-256 hash: " + first + "\nSHA-256 hash: " + first).size() == 1);
}

TEST_CASE("keychain commands: a dialog that was answered with no") {
    CHECK(is_cancelled(said(1, "add_cancelled").output));
    CHECK(is_cancelled(said(1, "add_no_session").output));
    CHECK_FALSE(is_cancelled(said(1, "verify_15").output));
}
