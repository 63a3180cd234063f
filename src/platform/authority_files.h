// The CA as files of the data directory, and the roots that the machine trusts.
//   ca/ca-key.pem    the root's key and certificate, 0600 in a 0700 directory
//   ca.pem           our root only: for variables that add to a client's roots
//   own-roots.pem    the roots that the user's own CA variables named at the last `init`
//   ca-bundle.pem    system roots + the user's own + ours: for variables that replace them
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "platform/home.h"
#include "tls/authority.h"

namespace halton::platform {

// The install's CA; made anew when there is none, when it is damaged, or when it does not cover
// `hosts` and the name of the self-test (the old files are replaced; their trust has to be renewed, which `log` tells).
// Errors: permission, io.
Result<std::shared_ptr<const tls::Authority>> load_or_make_authority(
    const Home& home, const std::vector<std::string>& hosts, UtcTime now);

// PEM texts that upstream certificates are verified against: SSL_CERT_FILE of our environment
// (unless it is our own bundle), else the system's bundle; own-roots.pem; `extra_file` of the config.
std::vector<std::string> read_trusted_roots(const Home& home, const std::string& extra_file);

// Keeps the certificates of `texts` as own-roots.pem; without any there is no such file.
// Errors: permission, io, too_large.
Result<void> keep_own_roots(const Home& home, const std::vector<std::string>& texts);

// Writes ca-bundle.pem when its content changes. Errors: permission, io, malformed, too_large.
Result<void> write_bundle(const Home& home, const std::vector<std::string>& roots);

}  // namespace halton::platform
