#include "support/provider/certificates.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#if __has_include(<openssl/x509v3.h>)
#include <openssl/x509v3.h>
#endif

namespace provider {

namespace {

constexpr long day_seconds = 24 * 60 * 60;

void must(bool ok, const char* what) {
    if (ok) return;
    std::fprintf(stderr, "test_provider: cannot make certificates: %s\n", what);
    ERR_print_errors_fp(stderr);
    std::abort();
}

Key make_key() {
    std::unique_ptr<EC_KEY, Deleter<EC_KEY_free>> ec(
        EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    must(ec && EC_KEY_generate_key(ec.get()), "EC key");
    Key key(EVP_PKEY_new());
    must(key && EVP_PKEY_set1_EC_KEY(key.get(), ec.get()), "key");
    return key;
}

struct Request {
    std::string common_name;
    std::string alternative_names;  // "DNS:a,IP:127.0.0.1", or empty
    const char* basic_constraints = nullptr;
    const char* key_usage = nullptr;
    const char* extended_key_usage = nullptr;
    long not_before_seconds = -day_seconds;
    long not_after_seconds = 10 * day_seconds;
};

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
    if (!value) return;
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
        X509V3_EXT_nconf_nid(nullptr, &context, nid, value));
    must(extension && X509_add_ext(certificate, extension.get(), -1), value);
}

void set_name(X509_NAME* name, const std::string& common_name) {
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0),
         "name");
}

// `issuer` null: self-signed.
Identity issue(const Request& request, const Identity* issuer) {
    Identity made{Certificate(X509_new()), make_key()};
    X509* certificate = made.certificate.get();
    must(certificate && X509_set_version(certificate, 2), "certificate");

    unsigned char serial[8];
    RAND_bytes(serial, sizeof serial);
    serial[0] &= 0x7f;
    std::unique_ptr<BIGNUM, Deleter<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
    must(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)), "serial");

    must(X509_gmtime_adj(X509_getm_notBefore(certificate), request.not_before_seconds) &&
             X509_gmtime_adj(X509_getm_notAfter(certificate), request.not_after_seconds),
         "validity");
    set_name(X509_get_subject_name(certificate), request.common_name);
    X509* issuing = issuer ? issuer->certificate.get() : certificate;
    must(X509_set_issuer_name(certificate, X509_get_subject_name(issuing)), "issuer");
    must(X509_set_pubkey(certificate, made.key.get()), "public key");

    add_extension(certificate, issuing, NID_basic_constraints, request.basic_constraints);
    add_extension(certificate, issuing, NID_key_usage, request.key_usage);
    add_extension(certificate, issuing, NID_ext_key_usage, request.extended_key_usage);
    add_extension(certificate, issuing, NID_subject_key_identifier, "hash");
    if (issuer) add_extension(certificate, issuing, NID_authority_key_identifier, "keyid");
    if (!request.alternative_names.empty())
        add_extension(certificate, issuing, NID_subject_alt_name,
                      request.alternative_names.c_str());

    must(X509_sign(certificate, (issuer ? issuer->key : made.key).get(), EVP_sha256()),
         "signature");
    return made;
}

template <class Write>
std::string to_pem(Write write) {
    std::unique_ptr<BIO, Deleter<BIO_free>> memory(BIO_new(BIO_s_mem()));
    must(memory && write(memory.get()), "PEM");
    const std::uint8_t* bytes = nullptr;
    std::size_t length = 0;
    must(BIO_mem_contents(memory.get(), &bytes, &length), "PEM");
    return {reinterpret_cast<const char*>(bytes), length};
}

std::string to_pem(const Identity& identity) {
    return to_pem([&](BIO* out) { return PEM_write_bio_X509(out, identity.certificate.get()); });
}

bool is_ipv4(const std::string& name) {
    return name.find_first_not_of("0123456789.") == std::string::npos;
}

int choose_alpn(SSL*, const std::uint8_t** out, std::uint8_t* out_length,
                const std::uint8_t* in, unsigned in_length, void* protocols) {
    for (const auto& wanted : *static_cast<const std::vector<std::string>*>(protocols))
        for (unsigned at = 0; at < in_length; at += 1u + in[at]) {
            if (std::string_view(reinterpret_cast<const char*>(in + at + 1), in[at]) != wanted)
                continue;
            *out = in + at + 1;
            *out_length = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

TestAuthority::TestAuthority() {
    // A random part in the name: two providers on one machine must not be taken for one another.
    unsigned char tag[4];
    RAND_bytes(tag, sizeof tag);
    char name[64];
    std::snprintf(name, sizeof name, "halton-meter test root %02x%02x%02x%02x", tag[0], tag[1],
                  tag[2], tag[3]);
    Request request;
    request.common_name = name;
    request.basic_constraints = "critical,CA:TRUE";
    request.key_usage = "critical,keyCertSign,cRLSign";
    root_ = issue(request, nullptr);
}

std::string TestAuthority::root_pem() const { return to_pem(root_); }

Identity TestAuthority::issue_server(const std::vector<std::string>& names, Flaw flaw) const {
    Request request;
    request.common_name = "halton-meter test provider";
    request.key_usage = "critical,digitalSignature";
    request.extended_key_usage = "serverAuth";
    for (const auto& name : names) {
        if (!request.alternative_names.empty()) request.alternative_names += ",";
        request.alternative_names += (is_ipv4(name) ? "IP:" : "DNS:") + name;
    }
    if (flaw == Flaw::wrong_host) request.alternative_names = "DNS:wrong-host.invalid";
    if (flaw == Flaw::expired) {
        request.not_before_seconds = -10 * day_seconds;
        request.not_after_seconds = -day_seconds;
    }
    return issue(request, flaw == Flaw::self_signed ? nullptr : &root_);
}

std::string TestAuthority::issue_client_pem() const {
    Request request;
    request.common_name = "halton-meter test client";
    request.key_usage = "critical,digitalSignature";
    request.extended_key_usage = "clientAuth";
    auto client = issue(request, &root_);
    return to_pem(client) + to_pem([&](BIO* out) {
               return PEM_write_bio_PKCS8PrivateKey(out, client.key.get(), nullptr, nullptr, 0,
                                                    nullptr, nullptr);
           });
}

SslContext make_server_context(const Identity& identity, int version_max,
                               const std::vector<std::string>& protocols) {
    SslContext context(SSL_CTX_new(TLS_method()));
    must(context && SSL_CTX_use_certificate(context.get(), identity.certificate.get()) &&
             SSL_CTX_use_PrivateKey(context.get(), identity.key.get()) &&
             SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) &&
             SSL_CTX_set_max_proto_version(context.get(),
                                           version_max == 12 ? TLS1_2_VERSION : TLS1_3_VERSION),
         "TLS context");
    SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn,
                               const_cast<std::vector<std::string>*>(&protocols));
    return context;
}

}  // namespace provider
