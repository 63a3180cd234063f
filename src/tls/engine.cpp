#include "tls/engine.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace halton::tls {

// The two ends of BoringSSL's byte stream. `out` points to where records go right now.
struct TlsEngine::Pipe {
    std::string_view in;
    std::string output;
    std::string* out = &output;
    std::string alert;             // name of the peer's fatal alert
    bool has_plain_alert = false;  // an alert record of the peer came, not encrypted
    std::string mirrored_alpn;     // what a server engine is to choose
};

namespace {

struct BioBridge {
    static int read(BIO* bio, char* buffer, int size) {
        auto* in = static_cast<std::string_view*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        if (in->empty()) {
            BIO_set_retry_read(bio);
            return -1;
        }
        const std::size_t count = in->copy(buffer, static_cast<std::size_t>(size));
        in->remove_prefix(count);
        return static_cast<int>(count);
    }
    static int write(BIO* bio, const char* bytes, int size) {
        BIO_clear_retry_flags(bio);
        (*static_cast<std::string**>(BIO_get_data(bio)))->append(bytes,
                                                                 static_cast<std::size_t>(size));
        return size;
    }
    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH; }
    static int create(BIO* bio) {
        BIO_set_init(bio, 1);
        return 1;
    }
};

BIO_METHOD* make_method(const char* name, int (*read)(BIO*, char*, int),
                        int (*write)(BIO*, const char*, int)) {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, name);
    BIO_meth_set_create(method, &BioBridge::create);
    BIO_meth_set_ctrl(method, &BioBridge::control);
    if (read) BIO_meth_set_read(method, read);
    if (write) BIO_meth_set_write(method, write);
    return method;
}

// Alerts are not part of the error queue in full; the info callback names them.
template <class Pipe>
void on_info(const SSL* ssl, int type, int value) {
    if (type == SSL_CB_READ_ALERT && (value >> 8) == SSL3_AL_FATAL)
        static_cast<Pipe*>(SSL_get_app_data(ssl))->alert = SSL_alert_desc_string_long(value);
}

// An OpenSSL client that refuses a TLS 1.3 certificate sends its alert without encryption (it has
// not changed its write key yet). BoringSSL takes that for a damaged record, so the record's head,
// which it shows before it decrypts, is what tells a refusal.
template <class Pipe>
void on_record(int is_write, int, int content, const void* bytes, std::size_t size, SSL* ssl,
               void*) {
    if (is_write || content != SSL3_RT_HEADER || size != SSL3_RT_HEADER_LENGTH) return;
    const auto* head = static_cast<const std::uint8_t*>(bytes);
    if (head[0] == SSL3_RT_ALERT && head[3] == 0 && head[4] == 2)
        static_cast<Pipe*>(SSL_get_app_data(ssl))->has_plain_alert = true;
}

template <class Pipe>
int on_select_alpn(SSL* ssl, const std::uint8_t** out, std::uint8_t* out_size,
                   const std::uint8_t* offered, unsigned offered_size, void*) {
    const auto& wanted = static_cast<Pipe*>(SSL_get_app_data(ssl))->mirrored_alpn;
    for (unsigned at = 0; at < offered_size; at += 1u + offered[at]) {
        const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
        if (wanted.empty() || name != wanted) continue;
        *out = offered + at + 1;
        *out_size = offered[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

TlsEngine::TlsEngine(bssl::UniquePtr<SSL> ssl, std::unique_ptr<Pipe> pipe)
    : pipe_(std::move(pipe)), ssl_(std::move(ssl)) {}
TlsEngine::TlsEngine(TlsEngine&&) noexcept = default;
TlsEngine& TlsEngine::operator=(TlsEngine&& other) noexcept {
    ssl_ = std::move(other.ssl_);  // before the pipe it refers to
    pipe_ = std::move(other.pipe_);
    return *this;
}
TlsEngine::~TlsEngine() = default;

Result<TlsEngine> TlsEngine::make(SSL_CTX* context, Role role) {
    static BIO_METHOD* const reading = make_method("halton-in", &BioBridge::read, nullptr);
    static BIO_METHOD* const writing = make_method("halton-out", nullptr, &BioBridge::write);
    bssl::UniquePtr<SSL> ssl(SSL_new(context));
    bssl::UniquePtr<BIO> in(BIO_new(reading));
    bssl::UniquePtr<BIO> out(BIO_new(writing));
    if (!ssl || !in || !out) return fail(ErrorKind::io, "no memory for a TLS connection");
    auto pipe = std::make_unique<Pipe>();
    BIO_set_data(in.get(), &pipe->in);
    BIO_set_data(out.get(), &pipe->out);
    SSL_set_bio(ssl.get(), in.release(), out.release());
    SSL_set_app_data(ssl.get(), pipe.get());
    SSL_set_info_callback(ssl.get(), &on_info<Pipe>);
    SSL_set_msg_callback(ssl.get(), &on_record<Pipe>);
    // What only the handshake needs goes with it: a sixth of what an idle connection costs.
    SSL_set_shed_handshake_config(ssl.get(), 1);
    if (role == Role::server) SSL_set_accept_state(ssl.get());
    else SSL_set_connect_state(ssl.get());
    return TlsEngine(std::move(ssl), std::move(pipe));
}

void TlsEngine::give(std::string_view ciphertext) { pipe_->in = ciphertext; }
std::string_view TlsEngine::unread() const { return pipe_->in; }
std::string& TlsEngine::output() { return pipe_->output; }

void TlsEngine::enable_alpn_mirror(SSL_CTX* context) {
    SSL_CTX_set_alpn_select_cb(context, &on_select_alpn<Pipe>, nullptr);
}

void TlsEngine::mirror_alpn(std::string protocol) { pipe_->mirrored_alpn = std::move(protocol); }

Error TlsEngine::failed(int result) const {
    const int code = SSL_get_error(ssl_.get(), result);
    const auto packed = ERR_peek_last_error();
    const char* reason = packed ? ERR_reason_error_string(packed) : nullptr;
    Error error{ErrorKind::tls_protocol, Leg::local, reason ? reason : "TLS error"};
    if (!pipe_->alert.empty()) {
        error = {ErrorKind::tls_alert, Leg::local, pipe_->alert};
    } else if (pipe_->has_plain_alert) {
        error = {ErrorKind::tls_alert, Leg::local, "alert without encryption"};
    } else if (code == SSL_ERROR_SSL && packed &&
               ERR_GET_REASON(packed) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        error.kind = ErrorKind::tls_verify;
        error.context = X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
    }
    ERR_clear_error();
    return error;
}

Result<TlsEngine::Progress> TlsEngine::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
        SSL_set_msg_callback(ssl_.get(), nullptr);  // data records need no look
        return Progress::done;
    }
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return Progress::need_more;
    return fail(failed(result));
}

Result<TlsEngine::Decrypted> TlsEngine::decrypt(std::span<char> buffer) {
    Decrypted got;
    while (got.bytes < buffer.size()) {
        const int result = SSL_read(ssl_.get(), buffer.data() + got.bytes,
                                    static_cast<int>(buffer.size() - got.bytes));
        if (result > 0) {
            got.bytes += static_cast<std::size_t>(result);
            continue;
        }
        const int code = SSL_get_error(ssl_.get(), result);
        if (code == SSL_ERROR_WANT_READ) break;
        if (code == SSL_ERROR_ZERO_RETURN) {
            got.is_closed = true;
            break;
        }
        // What came before the damage is good; the error shows again at the next call.
        if (got.bytes > 0) break;
        return fail(failed(result));
    }
    return got;
}

Result<void> TlsEngine::encrypt(std::string_view plaintext, std::string& out) {
    pipe_->out = &out;
    const int result =
        SSL_write(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size()));
    pipe_->out = &pipe_->output;
    // The bridge takes everything, so a write is whole or failed.
    if (result == static_cast<int>(plaintext.size())) return {};
    return fail(failed(result));
}

void TlsEngine::close(std::string& out) {
    pipe_->out = &out;
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    pipe_->out = &pipe_->output;
}

std::string TlsEngine::alpn() const {
    const std::uint8_t* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return std::string(reinterpret_cast<const char*>(name), size);
}

}  // namespace halton::tls
