#include "setup/keychain_commands.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace halton::setup {
namespace {

constexpr std::size_t sha256_digits = 64;

std::string login_keychain(const Folders& folders) {
    return folders.user_home + "/Library/Keychains/login.keychain-db";
}

}  // namespace

Argv verify_trust_command(std::string_view certificate_file) {
    // -L: only certificates of this machine, nothing is fetched. -l: it is a CA itself. The policy
    // of TLS would also ask how long it is valid, as of a server.
    return {"security", "verify-cert", "-L", "-l",
            "-p",       "basic",       "-c", std::string(certificate_file)};
}

Argv find_certificates_command(const Folders& folders, std::string_view common_name) {
    return {"security",
            "find-certificate",
            "-a",
            "-Z",
            "-c",
            std::string(common_name),
            login_keychain(folders)};
}

Argv add_trust_command(const Folders& folders, std::string_view certificate_file) {
    // Without -d: the user's own trust settings. "basic" is what verify-cert asks for.
    return {"security",
            "add-trusted-cert",
            "-r",
            "trustRoot",
            "-p",
            "ssl",
            "-p",
            "basic",
            "-k",
            login_keychain(folders),
            std::string(certificate_file)};
}

Argv remove_trust_command(std::string_view certificate_file) {
    return {"security", "remove-trusted-cert", std::string(certificate_file)};
}

Argv delete_certificate_command(const Folders& folders, std::string_view sha256) {
    return {"security", "delete-certificate",   "-Z", std::string(sha256),
            "-t",       login_keychain(folders)};
}

Trust read_trust(const CommandFact& verified) {
    if (!verified.started) return Trust::unknown;
    if (verified.exit_code == 0) return Trust::trusted;
    // Anything but a verdict (no such file, a keychain that cannot be read) tells nothing.
    for (const auto* word :
         {"CSSMERR_TP_NOT_TRUSTED", "CSSMERR_TP_CERT_EXPIRED", "errSecNotTrusted", "not trusted",
          "verification failed", "Cert Verify Result"})
        if (verified.output.find(word) != std::string::npos) return Trust::not_trusted;
    return Trust::unknown;
}

std::vector<std::string> parse_hashes(std::string_view printed) {
    constexpr std::string_view label = "SHA-256 hash:";
    std::vector<std::string> hashes;
    while (!printed.empty()) {
        const auto end = std::min(printed.find('\n'), printed.size());
        const auto line = trim(printed.substr(0, end));
        printed.remove_prefix(std::min(end + 1, printed.size()));
        if (line.substr(0, label.size()) != label) continue;
        const auto hash = trim(line.substr(label.size()));
        const bool is_hash = hash.size() == sha256_digits &&
                             hash.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
        if (is_hash && std::find(hashes.begin(), hashes.end(), hash) == hashes.end())
            hashes.emplace_back(hash);
    }
    return hashes;
}

bool is_cancelled(std::string_view output) {
    return output.find("canceled by the user") != std::string_view::npos ||
           output.find("User canceled") != std::string_view::npos ||
           output.find("user interaction") != std::string_view::npos;
}

}  // namespace halton::setup
