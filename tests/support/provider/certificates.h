// Certificates: a throw-away root, made anew at each start, and the certificates it signs.
// In:    names and the way in which a certificate is to be bad.
// Out:   PEM texts and SSL_CTX objects. Fails: aborts, a test program has nothing better to do.
// Owner: main. Thread: one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/ssl.h>

namespace provider {

enum class Flaw { none, expired, wrong_host, self_signed };

template <auto function>
struct Deleter {
    template <class T>
    void operator()(T* object) const {
        function(object);
    }
};
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using SslContext = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;

struct Identity {
    Certificate certificate;
    Key key;
};

class TestAuthority {
public:
    TestAuthority();

    std::string root_pem() const;

    // A server certificate for `names` (host names or IPv4 addresses), bad as `flaw` says.
    Identity issue_server(const std::vector<std::string>& names, Flaw flaw) const;
    // Certificate and key as one PEM text.
    std::string issue_client_pem() const;

private:
    Identity root_;
};

// A server context that uses `identity`; TLS 1.2 up to `version_max` (12 or 13). By ALPN the first
// of `protocols` that the client knows is chosen, and a client that knows none is refused;
// `protocols` outlives the context.
SslContext make_server_context(const Identity& identity, int version_max,
                               const std::vector<std::string>& protocols);

}  // namespace provider
