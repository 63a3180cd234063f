// Trust in our root in the login keychain of macOS through `security`: what it prints as values,
// and the commands. The login keychain only, never the System one: the user is asked by the system
// itself, and removing takes no more than was added, found by the certificate's SHA-256. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "setup/layer.h"

namespace halton::setup {

// Verifies that file as the root of a TLS chain, with the trust settings that are in force.
Argv verify_trust_command(std::string_view certificate_file);
// Every certificate of that name in the login keychain, with its hashes.
Argv find_certificates_command(const Folders& folders, std::string_view common_name);
// Opens the system's dialog.
Argv add_trust_command(const Folders& folders, std::string_view certificate_file);
// Takes the trust settings of a certificate file back; opens the dialog.
Argv remove_trust_command(std::string_view certificate_file);
// The certificate itself, with its trust settings.
Argv delete_certificate_command(const Folders& folders, std::string_view sha256);

enum class Trust { unknown, trusted, not_trusted };
Trust read_trust(const CommandFact& verified);

// The SHA-256 of each certificate that `find_certificates_command` printed: 64 upper-case digits.
std::vector<std::string> parse_hashes(std::string_view printed);

// Whether `security` failed because somebody said no in its dialog, or nobody could.
bool is_cancelled(std::string_view output);

}  // namespace halton::setup
