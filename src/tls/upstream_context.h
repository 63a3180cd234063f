// UpstreamContext: how the daemon speaks TLS to providers: real verification against the machine's
// roots, session resumption, no client certificate.
// Owner: the role. Thread: the I/O thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/base.h>

#include "base/result.h"
#include "tls/engine.h"
#include "tls/session_cache.h"

namespace halton::tls {

class UpstreamContext {
public:
    // `roots`: PEM texts of the certificates to verify against. Errors: as make_trust_store.
    static Result<std::unique_ptr<UpstreamContext>> make(const std::vector<std::string>& roots);
    ~UpstreamContext();

    // An engine for one connection to `host`, which the certificate must name. `alpn` is offered
    // as it is; empty offers none. Errors: io.
    Result<TlsEngine> make_engine(std::string_view host, unsigned port,
                                  const std::vector<std::string>& alpn);

    // Whether the server asked for a client certificate in this engine's handshake (which then
    // fails: only the client itself can answer that).
    static bool wants_client_certificate(const TlsEngine& engine);

private:
    UpstreamContext();
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton::tls
