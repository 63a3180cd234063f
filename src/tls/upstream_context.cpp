#include "tls/upstream_context.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "tls/trust.h"

namespace halton::tls {
namespace {

// What a connection must know in BoringSSL's callbacks.
struct Note {
    std::string session_key;
    bool wants_certificate = false;
};

void free_note(void*, void* note, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<Note*>(note);
}

int note_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_note);
    return index;
}

Note* note_of(const SSL* ssl) { return static_cast<Note*>(SSL_get_ex_data(ssl, note_index())); }

int cache_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

// Returns 1 when it keeps the session.
int on_session(SSL* ssl, SSL_SESSION* session) {
    auto* cache = static_cast<SessionCache*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), cache_index()));
    const Note* note = note_of(ssl);
    if (!cache || !note) return 0;
    cache->put(note->session_key, bssl::UniquePtr<SSL_SESSION>(session));
    return 1;
}

// Called when the server asks for a certificate.
int on_certificate_request(SSL* ssl, void*) {
    if (Note* note = note_of(ssl)) note->wants_certificate = true;
    return 0;
}

bool set_alpn(SSL* ssl, const std::vector<std::string>& alpn) {
    std::string wire;
    for (const auto& name : alpn) {
        if (name.empty() || name.size() > 255) return false;
        wire += static_cast<char>(name.size());
        wire += name;
    }
    return SSL_set_alpn_protos(ssl, reinterpret_cast<const std::uint8_t*>(wire.data()),
                               static_cast<unsigned>(wire.size())) == 0;
}

bool set_name(SSL* ssl, const std::string& host) {
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str())) return true;  // a literal sends no SNI
    return X509_VERIFY_PARAM_set1_host(param, host.data(), host.size()) &&
           SSL_set_tlsext_host_name(ssl, host.c_str());
}

}  // namespace

struct UpstreamContext::State {
    SessionCache sessions;
    bssl::UniquePtr<SSL_CTX> context;
};

UpstreamContext::UpstreamContext() : state_(std::make_unique<State>()) {}
UpstreamContext::~UpstreamContext() = default;

Result<std::unique_ptr<UpstreamContext>> UpstreamContext::make(
    const std::vector<std::string>& roots) {
    auto trust = make_trust_store(roots);
    if (!trust) return fail(trust.error());
    auto made = std::unique_ptr<UpstreamContext>(new UpstreamContext);
    bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
    if (!context) return fail(ErrorKind::io, "no memory for TLS");
    SSL_CTX* raw = context.get();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_store(raw, trust->release());
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_ex_data(raw, cache_index(), &made->state_->sessions);
    SSL_CTX_sess_set_new_cb(raw, &on_session);
    SSL_CTX_set_cert_cb(raw, &on_certificate_request, nullptr);
    made->state_->context = std::move(context);
    return made;
}

Result<TlsEngine> UpstreamContext::make_engine(std::string_view host, unsigned port,
                                               const std::vector<std::string>& alpn) {
    auto engine = TlsEngine::make(state_->context.get(), TlsEngine::Role::client);
    if (!engine) return engine;
    SSL* ssl = engine->native();
    auto note = std::make_unique<Note>();
    note->session_key = session_key(host, port, alpn);
    const auto session = state_->sessions.take(note->session_key);
    if (!SSL_set_ex_data(ssl, note_index(), note.get()))
        return fail(ErrorKind::io, "no memory for a TLS connection");
    note.release();  // freed with the SSL
    if (!set_name(ssl, std::string(host)) || (!alpn.empty() && !set_alpn(ssl, alpn)))
        return fail(ErrorKind::io, "cannot prepare TLS for this host");
    if (session) SSL_set_session(ssl, session.get());
    return engine;
}

bool UpstreamContext::wants_client_certificate(const TlsEngine& engine) {
    const Note* note = note_of(engine.native());
    return note && note->wants_certificate;
}

}  // namespace halton::tls
