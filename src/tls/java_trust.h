// A trust store that Java reads: PKCS#12 with certificates only, each marked as trusted in the way
// that Java's own tools mark it. It has no password, since what it holds is public; Java then asks
// for none and checks no seal.
// In:    PEM texts, as the bundles have them. Out: the file's bytes, the same for the same texts.
// Fails: not_found (no certificate in any text), too_large. Private keys are never copied.
// Thread: a plain function. Limits: ca_bundle_bytes_max on the texts together.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace halton::tls {

Result<std::string> make_java_trust_store(const std::vector<std::string>& pem_texts);

}  // namespace halton::tls
