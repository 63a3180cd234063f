#include "proxy/self_test.h"

#include <array>

#include <fmt/format.h>

#include "base/version.h"
#include "http/head.h"
#include "meter/hosts.h"
#include "net/tls_handshake.h"
#include "tls/engine.h"

namespace halton::proxy {
namespace {

std::string make_page() {
    const auto body =
        fmt::format("{{\"halton_meter\":\"self-test\",\"version\":\"{}\"}}\n", version());
    return fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
        "Connection: close\r\n\r\n{}",
        body.size(), body);
}

}  // namespace

asio::awaitable<void> answer_self_test(net::TcpStream client, std::string first_bytes,
                                       tls::LeafCache& leaves, const Limits& limits) {
    auto leaf = leaves.find_or_make(meter::self_test_host);
    if (!leaf) co_return;
    tls::TlsEngine::enable_alpn_mirror(leaf->get());
    auto engine = tls::TlsEngine::make(leaf->get(), tls::TlsEngine::Role::server);
    if (!engine) co_return;
    engine->mirror_alpn("http/1.1");
    auto rest = co_await net::run_handshake(client, *engine, std::move(first_bytes),
                                            limits.handshake, Leg::client);
    if (!rest) co_return;

    std::string ciphertext = std::move(*rest);
    std::string request;
    std::array<char, 4096> buffer;
    std::size_t scanned = 0;
    engine->give(ciphertext);
    while (http::find_head_end(request, scanned) == 0) {
        const auto decrypted = engine->decrypt(buffer);
        if (!decrypted || decrypted->is_closed || request.size() > limits::head_bytes_max)
            co_return;
        request.append(buffer.data(), decrypted->bytes);
        if (decrypted->bytes > 0) continue;
        std::string unread(engine->unread());
        ciphertext = std::move(unread);
        const auto more = co_await client.read_more(ciphertext, 4096, limits.handshake);
        if (!more) co_return;
        engine->give(ciphertext);
    }
    // Session tickets of the handshake may still be waiting.
    std::string answer = std::move(engine->output());
    engine->output().clear();
    if (!engine->encrypt(make_page(), answer)) co_return;
    engine->close(answer);
    co_await client.write_all(answer, limits.handshake);
    client.shutdown_write();
    // The client leaves first: unread bytes at our close would reset the connection.
    std::string ignored;
    co_await client.read_more(ignored, 4096, limits.probe);
}

}  // namespace halton::proxy
