// TlsEngine: one end of a TLS connection as a machine: ciphertext in, plaintext out and the other
// way round. No sockets: bytes are given and taken, so that one read and one write of a socket
// carry as many records as there are.
// Fails: the handshake and decrypt() report errors once; afterwards the engine is over.
// Owner: one connection. Thread: that connection's.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <openssl/base.h>

#include "base/result.h"

namespace halton::tls {

class TlsEngine {
public:
    enum class Role { server, client };

    // Errors: io (no memory).
    static Result<TlsEngine> make(SSL_CTX* context, Role role);
    TlsEngine(TlsEngine&&) noexcept;
    TlsEngine& operator=(TlsEngine&&) noexcept;
    ~TlsEngine();

    // Gives ciphertext. The view must hold until the engine asked for more again (need_more).
    void give(std::string_view ciphertext);

    // What was given and not used yet.
    std::string_view unread() const;

    enum class Progress { need_more, done };
    // Advances the handshake. Bytes to send appear in output(), also when it failed (an alert).
    // Errors: tls_alert (the peer's, its name in the context), tls_verify, tls_protocol.
    Result<Progress> handshake();

    struct Decrypted {
        std::size_t bytes = 0;    // plaintext now in the buffer
        bool is_closed = false;   // the peer said close_notify
    };
    // Fills `buffer` with plaintext from what was given; 0 bytes: give more.
    // Errors: tls_alert, tls_protocol.
    Result<Decrypted> decrypt(std::span<char> buffer);

    // Appends the records for `plaintext` to `out`. Errors: tls_protocol.
    Result<void> encrypt(std::string_view plaintext, std::string& out);

    // Appends a close_notify.
    void close(std::string& out);

    // Handshake bytes and replies to send; the caller takes them.
    std::string& output();

    // Makes every server engine of the context choose the protocol it is told by mirror_alpn(), if
    // the client offers it.
    static void enable_alpn_mirror(SSL_CTX* context);
    void mirror_alpn(std::string protocol);

    SSL* native() const { return ssl_.get(); }
    // Protocol chosen by ALPN, empty for none.
    std::string alpn() const;

private:
    struct Pipe;
    TlsEngine(bssl::UniquePtr<SSL> ssl, std::unique_ptr<Pipe> pipe);
    Error failed(int result) const;

    // The pipe outlives the SSL object that refers to it.
    std::unique_ptr<Pipe> pipe_;
    bssl::UniquePtr<SSL> ssl_;
};

}  // namespace halton::tls
