#include "tls/leaf_check.h"

#include <chrono>

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

#include "tls/trust.h"

namespace halton::tls {

std::string find_leaf_complaint(const Authority& authority, std::string_view bundle_pem,
                                std::string_view host, UtcTime now) {
    const auto context = authority.make_leaf_context(host, now);
    if (!context) return context.error().context;
    const auto store = make_trust_store({std::string(bundle_pem)});
    if (!store) return store.error().context;
    // Of a context made "with buffers" nobody but the asker owns the parsed certificate.
    const bssl::UniquePtr<X509> leaf(SSL_CTX_get0_certificate(context->get()));
    const bssl::UniquePtr<X509_STORE_CTX> check(X509_STORE_CTX_new());
    if (!leaf || !check || !X509_STORE_CTX_init(check.get(), store->get(), leaf.get(), nullptr))
        return "out of memory";
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(check.get());
    X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(now));
    if (!X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER) ||
        !X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()))
        return "out of memory";
    if (X509_verify_cert(check.get()) == 1) return {};
    return X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
}

}  // namespace halton::tls
