#include "platform/edge_probe.h"

#include <array>

#include <fmt/format.h>

#include "base/limits.h"
#include "http/head.h"
#include "platform/loopback_stream.h"
#include "tls/upstream_context.h"

namespace halton::platform {
namespace {

Result<http::ResponseHead> read_head(LoopbackStream& stream, std::string& bytes) {
    std::size_t scanned = 0;
    std::size_t end = 0;
    while ((end = http::find_head_end(bytes, scanned)) == 0) {
        if (bytes.size() > limits::head_bytes_max)
            return fail(ErrorKind::too_large, "an endless head");
        const auto more = stream.receive(bytes);
        if (!more) return fail(more.error());
    }
    auto head = http::parse_response_head(std::string_view(bytes).substr(0, end));
    bytes.erase(0, end);
    return head;
}

std::string reason_of(const http::ResponseHead& head) {
    const auto* reason = head.headers.find("x-halton-reason");
    return reason ? *reason : std::string();
}

struct Opened {
    LoopbackStream stream;
    ConnectAnswer answer;
    std::string rest;
};

Result<Opened> open(std::uint16_t port, std::string_view host, std::chrono::milliseconds limit) {
    auto stream = LoopbackStream::connect(port, limit);
    if (!stream) return fail(stream.error());
    const auto sent =
        stream->send(fmt::format("CONNECT {0}:443 HTTP/1.1\r\nHost: {0}:443\r\n\r\n", host));
    if (!sent) return fail(sent.error());
    std::string bytes;
    const auto head = read_head(*stream, bytes);
    if (!head) return fail(head.error());
    return Opened{std::move(*stream), {head->status, reason_of(*head)}, std::move(bytes)};
}

// What the engine has to say goes out, what comes in goes into it.
Result<void> exchange(LoopbackStream& stream, tls::TlsEngine& engine, std::string& ciphertext) {
    if (!engine.output().empty()) {
        const auto sent = stream.send(engine.output());
        engine.output().clear();
        if (!sent) return fail(sent.error());
    }
    ciphertext.assign(engine.unread());
    const auto more = stream.receive(ciphertext);
    if (!more) return fail(more.error());
    engine.give(ciphertext);
    return {};
}

}  // namespace

bool is_edge(std::uint16_t port, std::chrono::milliseconds limit) {
    auto stream = LoopbackStream::connect(port, limit);
    if (!stream || !stream->send("GET / HTTP/1.1\r\nHost: edge\r\n\r\n")) return false;
    std::string bytes;
    const auto head = read_head(*stream, bytes);
    return head && reason_of(*head) == "not-a-proxy-request";
}

Result<ConnectAnswer> connect_through(std::uint16_t port, std::string_view host,
                                      std::chrono::milliseconds limit) {
    auto opened = open(port, host, limit);
    if (!opened) return fail(opened.error());
    return opened->answer;
}

Result<CallAnswer> call_through(std::uint16_t port, const std::string& host,
                                const std::vector<std::string>& roots,
                                std::chrono::milliseconds limit) {
    auto opened = open(port, host, limit);
    if (!opened) return fail(opened.error());
    if (opened->answer.status != 200)
        return fail(ErrorKind::unsupported,
                    fmt::format("CONNECT {} was answered with {} {}", host, opened->answer.status,
                                opened->answer.reason));
    auto context = tls::UpstreamContext::make(roots);
    if (!context) return fail(context.error());
    auto engine = (*context)->make_engine(host, 443, {"http/1.1"});
    if (!engine) return fail(engine.error());
    auto& stream = opened->stream;
    std::string ciphertext = std::move(opened->rest);
    engine->give(ciphertext);
    for (;;) {
        const auto progress = engine->handshake();
        if (!progress) {
            // The other side hears why.
            (void)stream.send(engine->output());
            return fail(progress.error());
        }
        if (*progress == tls::TlsEngine::Progress::done) break;
        std::string more;
        const auto exchanged = exchange(stream, *engine, more);
        if (!exchanged) return fail(exchanged.error());
        ciphertext = std::move(more);
        engine->give(ciphertext);
    }
    std::string request = std::move(engine->output());
    engine->output().clear();
    const auto encrypted = engine->encrypt(
        fmt::format("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host), request);
    if (!encrypted) return fail(encrypted.error());
    if (const auto sent = stream.send(request); !sent) return fail(sent.error());
    std::string plain;
    for (;;) {
        std::size_t scanned = 0;
        const auto end = http::find_head_end(plain, scanned);
        if (end != 0) {
            const auto head = http::parse_response_head(std::string_view(plain).substr(0, end));
            if (!head) return fail(head.error());
            return CallAnswer{head->status, plain.substr(end)};
        }
        std::array<char, 4096> buffer;
        const auto decrypted = engine->decrypt(buffer);
        if (!decrypted) return fail(decrypted.error());
        plain.append(buffer.data(), decrypted->bytes);
        if (plain.size() > limits::head_bytes_max)
            return fail(ErrorKind::too_large, "an endless head");
        if (decrypted->bytes > 0) continue;
        if (decrypted->is_closed) return fail(ErrorKind::closed, "closed without an answer");
        std::string more;
        const auto exchanged = exchange(stream, *engine, more);
        if (!exchanged) return fail(exchanged.error());
        ciphertext = std::move(more);
        engine->give(ciphertext);
    }
}

}  // namespace halton::platform
