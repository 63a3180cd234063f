// ca-bundle.pem: system roots + the roots the user's own CA variables name + ours.
// Certificates only: a private key that sits in somebody's file is never copied.
// Thread: plain functions. Limits: ca_bundle_bytes_max, on what comes in and on what goes out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace halton::tls {

// The PEM certificates of `texts` in order, each once (compared by their bytes), then `root_pem`.
// Garbage, comments and broken blocks are dropped. `root_pem` must hold exactly one certificate.
// Errors: malformed (root_pem), too_large.
Result<std::string> merge_bundle(const std::vector<std::string>& texts, std::string_view root_pem);

// How many certificates a PEM text holds; broken blocks do not count.
std::size_t count_certificates(std::string_view pem);

}  // namespace halton::tls
