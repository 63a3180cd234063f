// Trust: the roots that upstream certificates are verified against.
// In:    PEM texts (system bundle, the user's own CA files). Out: one store for all connections.
// Fails: only when no usable certificate is left; broken blocks are skipped and counted.
// Thread: the store is made once and then only read, from any thread.
// Limits: ca_bundle_bytes_max on the texts together.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <openssl/base.h>

#include "base/result.h"

namespace halton::tls {

struct TrustCounts {
    std::size_t root_count = 0;    // in the store
    std::size_t broken_count = 0;  // blocks that are no certificate, or not one we can read
};

// All certificates of the texts, each once. `counts` is filled when given, also on errors.
// Errors: not_found (no certificate in any text), too_large, io.
Result<bssl::UniquePtr<X509_STORE>> make_trust_store(const std::vector<std::string>& pem_texts,
                                                     TrustCounts* counts = nullptr);

// Where systems keep their roots as one PEM file, in the order to try; the first that exists wins.
// A list only: looking is the platform's.
std::vector<std::string> system_bundle_paths();

}  // namespace halton::tls
