#include "net/tls_handshake.h"

namespace halton::net {
namespace {

// A server's flight with its chain is 3 to 6 KiB.
constexpr std::size_t read_bytes = 8 * 1024;

}  // namespace

asio::awaitable<Result<std::string>> run_handshake(TcpStream& stream, tls::TlsEngine& engine,
                                                   std::string first_bytes, Milliseconds limit,
                                                   Leg leg, Turns* turns) {
    const auto until = std::chrono::steady_clock::now() + limit;
    std::string bytes = std::move(first_bytes);
    engine.give(bytes);
    for (;;) {
        if (turns) co_await turns->wait();
        auto progress = engine.handshake();
        std::string output = std::move(engine.output());
        engine.output().clear();
        const auto left = std::max(Milliseconds(1), std::chrono::ceil<Milliseconds>(
                                                        until - std::chrono::steady_clock::now()));
        if (!output.empty()) {
            const auto sent = co_await stream.write_all(output, left);
            // A failed handshake's own reason says more than the peer's closed socket.
            if (!sent && progress) co_return fail(sent.error());
        }
        if (!progress) {
            Error error = std::move(progress.error());
            error.leg = leg;
            co_return fail(std::move(error));
        }
        if (*progress == tls::TlsEngine::Progress::done) {
            std::string rest(engine.unread());
            engine.give({});
            co_return rest;
        }
        bytes.clear();
        const auto more = co_await stream.read_more(bytes, read_bytes, left);
        if (!more) co_return fail(more.error());
        engine.give(bytes);
    }
}

}  // namespace halton::net
