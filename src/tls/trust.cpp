#include "tls/trust.h"

#include <string_view>
#include <unordered_set>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/limits.h"
#include "tls/pem.h"

namespace halton::tls {

Result<bssl::UniquePtr<X509_STORE>> make_trust_store(const std::vector<std::string>& pem_texts,
                                                     TrustCounts* counts) {
    TrustCounts unwanted;
    TrustCounts& count = counts == nullptr ? unwanted : *counts;
    count = {};
    std::size_t text_bytes = 0;
    for (const std::string& text : pem_texts) text_bytes += text.size();
    if (text_bytes > limits::ca_bundle_bytes_max)
        return fail(ErrorKind::too_large, "CA files of " + std::to_string(text_bytes) + " bytes");

    bssl::UniquePtr<X509_STORE> store(X509_STORE_new());
    if (!store) return fail(ErrorKind::io, "no memory for the trust store");
    // A server may send an expired cross-signature beside a root that we have: ours wins.
    X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST);

    std::unordered_set<std::string> seen;
    for (const std::string& text : pem_texts)
        count.broken_count += for_each_certificate(text, [&](std::string_view der) {
            if (!seen.emplace(der).second) return;
            auto data = reinterpret_cast<const uint8_t*>(der.data());
            const bssl::UniquePtr<X509> root(
                d2i_X509(nullptr, &data, static_cast<long>(der.size())));
            if (root && X509_STORE_add_cert(store.get(), root.get()))
                ++count.root_count;
            else
                ++count.broken_count;
        });
    ERR_clear_error();
    if (count.root_count == 0) return fail(ErrorKind::not_found, "no root certificate");
    return store;
}

std::vector<std::string> system_bundle_paths() {
    return {
        "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Arch, Gentoo
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL 7 and later
        "/etc/pki/tls/certs/ca-bundle.crt",                   // older Fedora and RHEL
        "/etc/ssl/ca-bundle.pem",                             // SUSE
        "/var/lib/ca-certificates/ca-bundle.pem",             // SUSE, where the former points
        "/etc/ssl/cert.pem",                                  // Alpine, macOS, FreeBSD, OpenBSD
        "/usr/local/share/certs/ca-root-nss.crt",             // FreeBSD, ca_root_nss
        "/usr/local/etc/ssl/cert.pem",                        // FreeBSD, the same by link
    };
}

}  // namespace halton::tls
