#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/sha256.h"
#include "setup/keychain_commands.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

namespace halton::setup::layers {
namespace {

// How every root of ours is called; eight digits follow.
constexpr std::string_view root_name = "Halton Meter local CA";

std::string certificate_of(const Facts& facts) { return facts.folders.in_data("ca.pem"); }

// As `security` prints it: 64 upper-case digits; empty when there is no root yet.
std::string hash_of_root(const Facts& facts) {
    constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
    const std::string_view pem = facts.file(certificate_of(facts)).text;
    const auto from = pem.find(begin);
    if (from == std::string_view::npos) return {};
    const auto body = pem.substr(from + begin.size());
    std::string text;
    for (const char c : body.substr(0, body.find("-----END")))
        if (c != '\n' && c != '\r') text += c;
    std::string der;
    if (text.empty() || !append_base64_decoded(der, text)) return {};
    auto hash = sha256_hex(der);
    for (auto& c : hash)
        if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
    return hash;
}

Questions ask(const Facts& facts) {
    Questions questions{.files = {certificate_of(facts)},
                        .commands = {find_certificates_command(facts.folders, root_name)}};
    if (is_present(facts, certificate_of(facts)))
        questions.commands.push_back(verify_trust_command(certificate_of(facts)));
    return questions;
}

Trust trust(const Facts& facts) {
    return read_trust(facts.command(verify_trust_command(certificate_of(facts))));
}

// Roots of ours in the keychain, older ones too.
std::vector<std::string> known_hashes(const Facts& facts) {
    const auto& found = facts.command(find_certificates_command(facts.folders, root_name));
    return found.started && found.exit_code == 0 ? parse_hashes(found.output)
                                                 : std::vector<std::string>{};
}

bool is_known(const Facts& facts, const std::string& hash) {
    const auto hashes = known_hashes(facts);
    return std::find(hashes.begin(), hashes.end(), hash) != hashes.end();
}

Finding judge(const Facts& facts) {
    const auto hash = hash_of_root(facts);
    if (!is_wanted(facts, Mode::env_only)) {
        if (known_hashes(facts).empty()) return off("not installed");
        return odd("keychain.left", "a root of ours is still in the login keychain",
                   "halton-meter uninstall");
    }
    if (hash.empty())
        return broken("keychain.no_root", "there is no CA to trust", init_command(facts));
    switch (trust(facts)) {
        case Trust::trusted: return good();
        case Trust::unknown:
            return unknown("keychain.unknown", "`security` tells nothing about our CA",
                           init_command(facts));
        case Trust::not_trusted: break;
    }
    return broken("keychain.not_trusted",
                  is_known(facts, hash)
                      ? "our CA is in the login keychain, but not trusted"
                      : "the login keychain does not know our CA: apps refuse the certificates",
                  init_command(facts));
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    const auto hash = hash_of_root(facts);
    // Never asks for the password again once it is trusted.
    if (hash.empty() || trust(facts) != Trust::trusted) {
        steps.push_back(
            Notify{"macOS asks for your password now, so that apps accept the certificates of the "
                   "local CA (login keychain, this user only)"});
        RunCommand add{.argv = add_trust_command(facts.folders, certificate_of(facts))};
        add.undo = hash.empty() ? remove_trust_command(certificate_of(facts))
                                : delete_certificate_command(facts.folders, hash);
        steps.push_back(std::move(add));
    }
    if (!hash.empty())
        for (const auto& other : known_hashes(facts))
            if (other != hash)
                steps.push_back(RunCommand{.argv = delete_certificate_command(facts.folders, other),
                                           .may_fail = true});
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    for (const auto& hash : known_hashes(facts))
        steps.push_back(
            RunCommand{.argv = delete_certificate_command(facts.folders, hash), .may_fail = true});
    return steps;
}

}  // namespace

const Layer keychain_trust{"keychain-trust",
                           "trust in the login keychain",
                           "apps that ask macOS accept the certificates of the local CA; this user "
                           "only, with a password dialog",
                           false,
                           true,
                           Mode::env_only,
                           "authority",
                           ask,
                           judge,
                           plan_apply,
                           plan_remove};

}  // namespace halton::setup::layers
