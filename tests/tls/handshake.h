// Handshakes between two library endpoints in memory, for the tests of tls/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace halton::test {

enum class Ech { none, dummy };

struct HandshakeResult {
    bool is_complete = false;
    long verify_result = -1;  // the client's, an X509_V_ value
    bool is_resumed = false;
    int version = 0;
    std::string leaf_pem;        // what the server sent first
    std::size_t sent_count = 0;  // certificates that the server sent
};

namespace handshake {

// Connects both through a pair of memory pipes.
inline void join(SSL* client, SSL* server) {
    BIO* client_end = nullptr;
    BIO* server_end = nullptr;
    BIO_new_bio_pair(&client_end, 64 * 1024, &server_end, 64 * 1024);
    SSL_set_bio(client, client_end, client_end);
    SSL_set_bio(server, server_end, server_end);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
}

// Whether `ssl` can go on: it is done, or waits for its peer.
inline bool step(SSL* ssl, bool& is_done) {
    if (is_done) return true;
    const int result = SSL_do_handshake(ssl);
    is_done = result == 1;
    return is_done || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ ||
           SSL_get_error(ssl, result) == SSL_ERROR_WANT_WRITE;
}

inline std::string to_pem(X509* certificate) {
    const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate);
    const uint8_t* data = nullptr;
    std::size_t length = 0;
    BIO_mem_contents(out.get(), &data, &length);
    return std::string(reinterpret_cast<const char*>(data), length);
}

}  // namespace handshake

// What a client of that context sends first. No server name when `host` is empty.
inline std::string first_flight(SSL_CTX* client, const std::string& host,
                                const std::vector<std::string>& alpn, Ech ech = Ech::none) {
    const bssl::UniquePtr<SSL> ssl(SSL_new(client));
    if (!host.empty()) SSL_set_tlsext_host_name(ssl.get(), host.c_str());
    std::string list;
    for (const std::string& name : alpn) list += static_cast<char>(name.size()) + name;
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const uint8_t*>(list.data()),
                        static_cast<unsigned>(list.size()));
    SSL_set_enable_ech_grease(ssl.get(), ech == Ech::dummy ? 1 : 0);
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
    SSL_set_connect_state(ssl.get());
    SSL_do_handshake(ssl.get());
    ERR_clear_error();
    const uint8_t* data = nullptr;
    std::size_t length = 0;
    BIO_mem_contents(out, &data, &length);
    return std::string(reinterpret_cast<const char*>(data), length);
}

// The client verifies against its context's store for `host`, a DNS name or IP literal, at
// `time_utc_s`. One byte of application data goes each way, so that tickets have arrived.
inline HandshakeResult shake_hands(SSL_CTX* client_context, SSL_CTX* server_context,
                                   const std::string& host, long time_utc_s,
                                   SSL_SESSION* session = nullptr) {
    const bssl::UniquePtr<SSL> client(SSL_new(client_context));
    const bssl::UniquePtr<SSL> server(SSL_new(server_context));
    SSL_set_tlsext_host_name(client.get(), host.c_str());
    X509_VERIFY_PARAM* rules = SSL_get0_param(client.get());
    X509_VERIFY_PARAM_set_time(rules, time_utc_s);
    if (!X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str())) {
        ERR_clear_error();
        X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size());
    }
    if (session != nullptr) SSL_set_session(client.get(), session);
    handshake::join(client.get(), server.get());

    bool is_client_done = false;
    bool is_server_done = false;
    for (int round = 0; round < 10 && !(is_client_done && is_server_done); ++round)
        if (!handshake::step(client.get(), is_client_done) ||
            !handshake::step(server.get(), is_server_done))
            break;

    HandshakeResult result;
    result.is_complete = is_client_done && is_server_done;
    result.verify_result = SSL_get_verify_result(client.get());
    if (result.is_complete) {
        char byte = 0;
        SSL_write(client.get(), "c", 1);
        SSL_read(server.get(), &byte, 1);
        SSL_write(server.get(), "s", 1);
        SSL_read(client.get(), &byte, 1);
        result.is_complete = byte == 's';
        result.is_resumed = SSL_session_reused(client.get()) == 1;
        result.version = SSL_version(client.get());
        if (STACK_OF(X509)* chain = SSL_get_peer_cert_chain(client.get())) {
            result.sent_count = sk_X509_num(chain);
            result.leaf_pem = handshake::to_pem(sk_X509_value(chain, 0));
        }
    }
    ERR_clear_error();
    return result;
}

// A client context that trusts the roots of `pem`.
inline bssl::UniquePtr<SSL_CTX> client_trusting(std::string_view pem) {
    bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
    const bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    while (const bssl::UniquePtr<X509> root{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)})
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), root.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    ERR_clear_error();
    return context;
}

}  // namespace halton::test
