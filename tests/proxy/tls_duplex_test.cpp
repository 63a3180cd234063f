#include "proxy/tls_duplex.h"

#include "meter/pricing.h"
#include "support/catch.h"
#include "support/duplex.h"
#include "support/h2_bytes.h"
#include "support/replay.h"
#include "support/tls_peer.h"
#include "support/websocket.h"

using namespace halton;
using namespace halton::test;
using proxy::TlsDuplex;
using End = net::Shuttle::End;

namespace {

constexpr int small = 8 * 1024;
const std::string host = "api.anthropic.com";

TlsWorld& keys() {
    static TlsWorld world({host});
    return world;
}

// One end of the test: plaintext on this side, a socket on the other. Never waits.
class TlsEnd {
public:
    TlsEnd(platform::Socket socket, tls::TlsEngine engine)
        : peer(std::move(socket)), engine_(std::move(engine)) {}

    void send(std::string_view bytes) {
        REQUIRE(engine_.encrypt(bytes, unsent_));
        flush();
    }
    // Whether all that was given has left.
    bool flush() {
        unsent_.erase(0, peer.send(unsent_));
        return unsent_.empty();
    }
    void say_goodbye() { engine_.close(unsent_); }
    void ask_for_new_keys() {
        REQUIRE(SSL_key_update(engine_.native(), SSL_KEY_UPDATE_REQUESTED) == 1);
    }
    // Takes at most that many bytes of ciphertext and reads them.
    void receive(std::size_t bytes_max = std::string::npos) {
        peer.receive(bytes_max);
        engine_.give(peer.received);
        char buffer[4096];
        for (bool goes_on = true; goes_on;) {
            const auto got = engine_.decrypt(buffer);
            if (!got) is_broken = true;
            if (!got) break;
            plaintext.append(buffer, got->bytes);
            is_polite |= got->is_closed;
            goes_on = got->bytes == sizeof buffer;
        }
        engine_.give({});
        peer.received.clear();
        unsent_ += engine_.output();
        engine_.output().clear();
    }
    bool is_over() const { return peer.is_over(); }

    Peer peer;
    std::string plaintext;
    bool is_polite = false;  // close_notify came
    bool is_broken = false;  // what came was no TLS

private:
    tls::TlsEngine engine_;
    std::string unsent_;
};

struct Tunnel {
    explicit Tunnel(int buffer_bytes = 0, const std::string& protocol = {}) {
        auto at_client = make_tcp_pair(buffer_bytes);
        auto at_upstream = make_tcp_pair(buffer_bytes);
        const std::vector<std::string> offer = {"h2", "http/1.1"};
        auto client_engine = keys().make_client(host, offer);
        auto client_side = keys().make_server(host, protocol);
        auto upstream_side = keys().make_client(host, offer);
        auto upstream_engine = keys().make_server(host, protocol);
        REQUIRE(shake_in_memory(client_engine, client_side));
        REQUIRE(shake_in_memory(upstream_side, upstream_engine));
        client.emplace(std::move(at_client.a), std::move(client_engine));
        upstream.emplace(std::move(at_upstream.a), std::move(upstream_engine));
        client_end.emplace(TlsDuplex::End{std::move(at_client.b), std::move(client_side), {}});
        upstream_end.emplace(
            TlsDuplex::End{std::move(at_upstream.b), std::move(upstream_side), {}});
    }

    void start(const std::string& metered_as = host) {
        meter::CallObserver observer({metered_as, "demo", "default", "/home/ada/demo"},
                                     meter::PriceBook::bundled(), sink, clock);
        duplex = std::make_unique<TlsDuplex>(std::move(*client_end), std::move(*upstream_end),
                                             std::move(observer));
        world.start(*duplex, end);
    }
    void until(const std::function<bool()>& is_true) {
        world.io.until([&] {
            client->flush();
            upstream->flush();
            client->receive();
            upstream->receive();
            return is_true();
        });
    }
    // Closes the duplex's sockets, as the end of a connection's frame does.
    void finish() {
        until([&] { return end.has_value(); });
        duplex.reset();
    }
    // The other side of `from` has exactly the text, after all that came before.
    void pass(TlsEnd& from, TlsEnd& to, const std::string& text) {
        const std::size_t before = to.plaintext.size();
        from.send(text);
        until([&] { return to.plaintext.size() >= before + text.size() || to.is_over(); });
        CHECK((to.plaintext.substr(before) == text));
    }

    CollectingSink sink;
    FakeClock clock;
    std::optional<TlsEnd> client;
    std::optional<TlsEnd> upstream;
    std::optional<TlsDuplex::End> client_end;  // moved into the duplex at the start
    std::optional<TlsDuplex::End> upstream_end;
    std::unique_ptr<TlsDuplex> duplex;
    std::optional<End> end;
    ShuttleWorld world;
};

std::string make_request(std::size_t prompt_bytes = 5) {
    const std::string body =
        R"({"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":")" +
        std::string(prompt_bytes, 'p') + R"("}]})";
    return "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string make_answer(int input_tokens, std::size_t text_bytes = 5) {
    const std::string body =
        R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5",)"
        R"("content":[{"type":"text","text":")" +
        std::string(text_bytes, 't') + R"("}],"stop_reason":"end_turn","usage":{"input_tokens":)" +
        std::to_string(input_tokens) + R"(,"output_tokens":7}})";
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("tls duplex: any plaintext, in any pieces, both ways at once, is the same plaintext") {
    for (unsigned seed = 1; seed <= 12; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        constexpr int buffers[] = {0, small, 2'000, 64 * 1024};
        Tunnel tunnel(buffers[seed % 4]);
        struct Side {
            TlsEnd& at;
            std::string bytes;
            std::size_t chunk_max;
            std::size_t read_max;
            std::size_t sent = 0;
            bool is_ended = false;
        };
        const auto draw = [&random](std::initializer_list<std::size_t> from) {
            return *(from.begin() + pick(random, 0, from.size() - 1));
        };
        const auto make = [&](TlsEnd& at, unsigned salt) {
            const auto size = draw({1, 1'000, 16'384, 65'536, 400'000});
            // A few thousand pieces are enough, also on a machine that is busy with more.
            const auto chunk_max = std::max(draw({10, 1'000, 16'384, 100'000}), size / 1'000);
            return Side{at, random_bytes(size, seed + salt), chunk_max,
                        draw({1'000, 20'000, 1'000'000})};
        };
        Side sides[2] = {make(*tunnel.client, 1000), make(*tunnel.upstream, 2000)};
        tunnel.start();
        tunnel.world.io.spin_until([&] {
            Side& side = sides[pick(random, 0, 1)];
            switch (pick(random, 0, 1)) {
                case 0:
                    if (!side.at.flush() || side.is_ended) break;
                    if (side.sent == side.bytes.size()) {
                        side.at.say_goodbye();
                        side.is_ended = true;
                    } else {
                        const auto piece =
                            side.bytes.substr(side.sent, pick(random, 1, side.chunk_max));
                        side.sent += piece.size();
                        side.at.send(piece);
                    }
                    break;
                case 1: side.at.receive(pick(random, 1, side.read_max)); break;
            }
            return sides[0].at.is_polite && sides[1].at.is_polite;
        });
        CHECK((sides[0].at.plaintext == sides[1].bytes));
        CHECK((sides[1].at.plaintext == sides[0].bytes));
        CHECK_FALSE(sides[0].at.is_broken);
        CHECK_FALSE(sides[1].at.is_broken);
        tunnel.finish();
        CHECK(tunnel.end == End::done);
    }
}

TEST_CASE("tls duplex: one row for each exchange of a connection, after its last byte") {
    Tunnel tunnel;
    tunnel.start();
    CHECK(tunnel.duplex->is_between_calls());
    CHECK_FALSE(tunnel.duplex->has_client_spoken());
    int answer_count = 0;
    tunnel.duplex->call_on_first_answer([&answer_count] { ++answer_count; });
    for (int i = 1; i <= 3; ++i) {
        tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
        CHECK(tunnel.duplex->has_client_spoken());
        CHECK_FALSE(tunnel.duplex->is_between_calls());
        CHECK(tunnel.sink.calls.size() == static_cast<std::size_t>(i - 1));
        const auto answer = make_answer(i);
        tunnel.pass(*tunnel.upstream, *tunnel.client, answer.substr(0, answer.size() - 1));
        CHECK(tunnel.sink.calls.size() == static_cast<std::size_t>(i - 1));
        tunnel.pass(*tunnel.upstream, *tunnel.client, answer.substr(answer.size() - 1));
        CHECK(tunnel.duplex->is_between_calls());
        CHECK(answer_count == 1);
        REQUIRE(tunnel.sink.calls.size() == static_cast<std::size_t>(i));
        const auto& call = tunnel.sink.calls.back();
        CHECK(call.usage.input == i);
        CHECK(call.usage.output == 7);
        CHECK(call.model == "claude-sonnet-4-5");
        CHECK(call.status == "success");
        CHECK(call.http_status == 200);
        CHECK(call.tokens_complete);
        CHECK(call.host == host);
        CHECK(call.project_slug == "demo");
    }
    tunnel.client->say_goodbye();
    tunnel.until([&] { return tunnel.upstream->is_polite; });
    tunnel.upstream->say_goodbye();
    tunnel.finish();
    CHECK(tunnel.client->is_polite);
    CHECK(tunnel.sink.calls.size() == 3);
}

TEST_CASE("tls duplex: HTTP/2, with a row for each stream when it ends") {
    Tunnel tunnel(0, "h2");
    tunnel.start();
    const auto body_of = [](const std::string& message) {
        return message.substr(message.find("\r\n\r\n") + 4);
    };
    const auto ask = [&](std::uint32_t stream) {
        return h2::request(stream, "POST", "/v1/messages", h2::end_headers) +
               h2::body(stream, body_of(make_request()), h2::end_stream);
    };
    tunnel.pass(*tunnel.client, *tunnel.upstream, h2::client_start);
    tunnel.pass(*tunnel.upstream, *tunnel.client, h2::server_start);
    CHECK(tunnel.duplex->is_between_calls());
    tunnel.pass(*tunnel.client, *tunnel.upstream, ask(1) + ask(3) + ask(5));
    CHECK_FALSE(tunnel.duplex->is_between_calls());
    tunnel.pass(*tunnel.upstream, *tunnel.client,
                h2::answer(3, "200") + h2::answer(1, "200") + h2::answer(5, "200") +
                    h2::body(3, body_of(make_answer(3)), h2::end_stream));
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK(tunnel.sink.calls[0].usage.input == 3);
    CHECK_FALSE(tunnel.duplex->is_between_calls());
    // One is left by the client, and one ends in order: only then nothing is open.
    tunnel.pass(*tunnel.client, *tunnel.upstream, h2::reset(5, 8));
    REQUIRE(tunnel.sink.calls.size() == 2);
    CHECK(tunnel.sink.calls[1].status == "aborted");
    CHECK_FALSE(tunnel.sink.calls[1].tokens_complete);
    CHECK_FALSE(tunnel.duplex->is_between_calls());
    tunnel.pass(*tunnel.upstream, *tunnel.client,
                h2::body(1, body_of(make_answer(1)), h2::end_stream));
    CHECK(tunnel.duplex->is_between_calls());
    REQUIRE(tunnel.sink.calls.size() == 3);
    CHECK(tunnel.sink.calls[2].usage.input == 1);
    CHECK(tunnel.sink.calls[2].tokens_complete);
    CHECK(tunnel.sink.calls[2].status == "success");
    tunnel.client->say_goodbye();
    tunnel.upstream->say_goodbye();
    tunnel.finish();
}

TEST_CASE("tls duplex: bodies of a megabyte through full sockets, metered all the same") {
    Tunnel tunnel(small);
    tunnel.start();
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request(1'000'000));
    tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(11, 1'000'000));
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK(tunnel.sink.calls[0].usage.input == 11);
    CHECK(tunnel.sink.calls[0].tokens_complete);
}

TEST_CASE("tls duplex: a reader who takes nothing stops the sender, and loses nothing") {
    Tunnel tunnel(small);
    tunnel.start();
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    const std::string answer = make_answer(12, 4'000'000);
    std::size_t sent = 0;
    int idle_rounds = 0;
    while (idle_rounds < 50 && sent < answer.size()) {
        if (tunnel.upstream->flush()) {
            tunnel.upstream->send(answer.substr(sent, 16'000));
            sent += std::min<std::size_t>(16'000, answer.size() - sent);
            idle_rounds = 0;
        } else {
            ++idle_rounds;
        }
        tunnel.world.io.run(wait_for(tunnel.world.io, Milliseconds(1)));
    }
    CHECK(sent < 2'000'000);  // a few buffers, not the whole
    CHECK(tunnel.client->plaintext.empty());
    // The other way is open meanwhile.
    tunnel.client->send("x");
    tunnel.world.io.until([&] {
        tunnel.upstream->receive();
        return tunnel.upstream->plaintext.ends_with("x");
    });
    tunnel.until([&] {
        if (sent < answer.size() && tunnel.upstream->flush()) {
            tunnel.upstream->send(answer.substr(sent, 100'000));
            sent += std::min<std::size_t>(100'000, answer.size() - sent);
        }
        return tunnel.client->plaintext.size() >= answer.size();
    });
    CHECK((tunnel.client->plaintext == answer));
}

TEST_CASE("tls duplex: ciphertext that came behind the handshakes goes first") {
    Tunnel tunnel;
    const auto request = make_request();
    const auto answer = make_answer(5);
    // What the client sent early stands in its first_bytes, cut within a record, as reads do.
    std::string early;
    {
        auto engine = keys().make_client(host);
        auto side = keys().make_server(host);
        REQUIRE(shake_in_memory(engine, side));
        auto pair = make_tcp_pair();
        REQUIRE(engine.encrypt(request, early));
        const std::size_t cut = GENERATE(as<std::size_t>{}, 3, 40, 1'000);
        tunnel.client.emplace(std::move(pair.a), std::move(engine));
        tunnel.client_end.emplace(
            TlsDuplex::End{std::move(pair.b), std::move(side), early.substr(0, cut)});
        if (cut < early.size()) tunnel.client->peer.send(std::string_view(early).substr(cut));
    }
    tunnel.start();
    tunnel.until([&] { return tunnel.upstream->plaintext.size() >= request.size(); });
    CHECK(tunnel.upstream->plaintext == request);
    CHECK(tunnel.duplex->has_client_spoken());
    tunnel.pass(*tunnel.upstream, *tunnel.client, answer);
    CHECK(tunnel.sink.calls.size() == 1);
}

TEST_CASE("tls duplex: a client that says goodbye still gets its answer") {
    Tunnel tunnel;
    tunnel.start();
    const auto request = make_request();
    tunnel.client->send(request);
    tunnel.client->say_goodbye();
    tunnel.client->flush();
    tunnel.client->peer.end();
    tunnel.until([&] { return tunnel.upstream->is_over(); });
    CHECK(tunnel.upstream->plaintext == request);
    CHECK(tunnel.upstream->is_polite);
    tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(6, 200'000));
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK(tunnel.sink.calls[0].status == "success");
    CHECK(tunnel.sink.calls[0].tokens_complete);
    tunnel.upstream->say_goodbye();
    tunnel.finish();
    tunnel.until([&] { return tunnel.client->is_over(); });
    CHECK(tunnel.client->is_polite);
    CHECK(tunnel.sink.calls.size() == 1);
}

TEST_CASE("tls duplex: an answer that ends with its connection, and how it ended") {
    const bool is_polite = GENERATE(true, false);
    INFO("close_notify: " << is_polite);
    Tunnel tunnel;
    tunnel.start();
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    std::string answer = make_answer(8);
    const auto at = answer.find("Content-Length");
    answer.erase(at, answer.find("\r\n", at) + 2 - at);
    tunnel.upstream->send(answer);
    if (is_polite) tunnel.upstream->say_goodbye();
    tunnel.upstream->flush();
    tunnel.upstream->peer.end();
    tunnel.until([&] { return tunnel.client->is_over(); });
    CHECK(tunnel.client->plaintext == answer);
    CHECK(tunnel.client->peer.is_ended);
    CHECK(tunnel.client->is_polite == is_polite);  // a cut stream stays a cut stream
    CHECK_FALSE(tunnel.client->is_broken);
    tunnel.client->peer.end();
    tunnel.finish();
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK(tunnel.sink.calls[0].usage.input == 8);
}

TEST_CASE("tls duplex: an answer that is cut is cut for the client, and one incomplete row") {
    const bool is_reset = GENERATE(true, false);
    INFO("reset: " << is_reset);
    Tunnel tunnel;
    tunnel.start();
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    const auto answer = make_answer(9, 1'000);
    tunnel.pass(*tunnel.upstream, *tunnel.client, answer.substr(0, 600));
    is_reset ? tunnel.upstream->peer.reset() : tunnel.upstream->peer.end();
    if (!is_reset) {
        tunnel.until([&] { return tunnel.client->is_over(); });
        CHECK(tunnel.client->peer.is_ended);
        CHECK_FALSE(tunnel.client->is_polite);
        tunnel.client->peer.end();
    }
    tunnel.finish();
    tunnel.until([&] { return tunnel.client->is_over(); });
    CHECK(tunnel.client->plaintext == answer.substr(0, 600));
    CHECK(tunnel.client->peer.is_reset == is_reset);
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK_FALSE(tunnel.sink.calls[0].tokens_complete);
    CHECK(tunnel.sink.calls[0].status == "success");  // its head had come
}

TEST_CASE("tls duplex: an upstream that goes before it answers is an error of the network") {
    const bool is_reset = GENERATE(true, false);
    Tunnel tunnel;
    tunnel.start();
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    is_reset ? tunnel.upstream->peer.reset() : tunnel.upstream->peer.end();
    tunnel.until([&] { return tunnel.client->is_over() || tunnel.end.has_value(); });
    tunnel.client->peer.end();
    tunnel.finish();
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK(tunnel.sink.calls[0].status == "error");
    REQUIRE(tunnel.sink.calls[0].error);
    CHECK(tunnel.sink.calls[0].error->error_class == meter::ErrorClass::network);
}

TEST_CASE("tls duplex: a client that leaves in the middle, and one aborted row") {
    const bool is_reset = GENERATE(true, false);
    INFO("reset: " << is_reset);
    Tunnel tunnel;
    tunnel.start();
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(9, 1'000).substr(0, 300));
    is_reset ? tunnel.client->peer.reset() : tunnel.client->peer.close();
    // The upstream goes on talking until it learns that nobody is there.
    const auto talk_until = [&](const std::function<bool()>& is_true) {
        tunnel.world.io.until([&] {
            if (tunnel.upstream->flush()) tunnel.upstream->send("t");
            return is_true();
        });
    };
    talk_until([&] { return tunnel.end.has_value(); });
    CHECK(tunnel.end == End::done);
    tunnel.duplex.reset();
    talk_until([&] { return tunnel.upstream->peer.is_reset; });
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK_FALSE(tunnel.sink.calls[0].tokens_complete);
    CHECK(tunnel.sink.calls[0].status == "aborted");
}

TEST_CASE("tls duplex: ended from our own side in a call, one incomplete row") {
    Tunnel tunnel;
    tunnel.start();
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(9, 1'000).substr(0, 300));
    tunnel.world.shuttle->interrupt_between_calls();
    tunnel.world.io.settle();
    CHECK_FALSE(tunnel.end);  // it is in a call
    tunnel.world.shuttle->interrupt_all();
    tunnel.world.io.until([&] { return tunnel.end.has_value(); });
    CHECK(tunnel.end == End::interrupted);
    tunnel.duplex.reset();
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK_FALSE(tunnel.sink.calls[0].tokens_complete);
    CHECK(tunnel.sink.calls[0].status == "aborted");
    tunnel.until([&] { return tunnel.client->is_over(); });
    CHECK(tunnel.client->peer.is_reset);
}

TEST_CASE("tls duplex: who dies in a call leaves a reset, who ends between calls an end") {
    const bool is_in_call = GENERATE(true, false);
    INFO("in a call: " << is_in_call);
    Tunnel tunnel;
    tunnel.start();
    const auto answer = make_answer(9, 1'000);
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    tunnel.pass(*tunnel.upstream, *tunnel.client, is_in_call ? answer.substr(0, 300) : answer);
    // What the kernel will do when it closes for us.
    linger found{};
    socklen_t size = sizeof found;
    REQUIRE(::getsockopt(tunnel.duplex->sockets()[0], SOL_SOCKET, SO_LINGER, &found, &size) == 0);
    CHECK(found.l_onoff == 1);
    CHECK(found.l_linger == 0);
    tunnel.world.shuttle->interrupt_all();
    tunnel.world.io.until([&] { return tunnel.end.has_value(); });
    tunnel.duplex.reset();
    tunnel.until([&] { return tunnel.client->is_over(); });
    CHECK(tunnel.client->peer.is_reset == is_in_call);
}

TEST_CASE("tls duplex: a WebSocket is between calls when no turn is open") {
    Tunnel tunnel;
    tunnel.start("chatgpt.com");
    tunnel.pass(*tunnel.client, *tunnel.upstream,
                "GET /backend-api/codex/responses HTTP/1.1\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\n\r\n");
    CHECK_FALSE(tunnel.duplex->is_between_calls());
    tunnel.pass(*tunnel.upstream, *tunnel.client,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\n\r\n");
    CHECK(tunnel.duplex->is_between_calls());
    const auto ask = [&] {
        tunnel.pass(*tunnel.client, *tunnel.upstream,
                    sent(R"({"type":"response.create","model":"gpt-5-codex"})"));
        CHECK_FALSE(tunnel.duplex->is_between_calls());
        tunnel.pass(*tunnel.upstream, *tunnel.client,
                    received(R"({"type":"response.created","response":{"id":"r"}})"));
    };
    ask();
    tunnel.pass(*tunnel.upstream, *tunnel.client,
                received(R"({"type":"response.completed","response":{"id":"r",)"
                         R"("usage":{"input_tokens":3,"output_tokens":4}}})"));
    CHECK(tunnel.duplex->is_between_calls());
    CHECK(tunnel.sink.calls.size() == 1);

    SECTION("then it is let go, and nobody is owed a row") {
        tunnel.world.shuttle->interrupt_between_calls();
        tunnel.world.io.until([&] { return tunnel.end.has_value(); });
        tunnel.duplex.reset();
        CHECK(tunnel.sink.calls.size() == 1);
    }
    SECTION("an open one is cut with the connection, by whom it was") {
        ask();
        tunnel.client->say_goodbye();
        tunnel.until([&] { return tunnel.upstream->is_polite; });
        tunnel.upstream->say_goodbye();
        tunnel.finish();
        REQUIRE(tunnel.sink.calls.size() == 2);
        CHECK(tunnel.sink.calls[1].status == "aborted");
        CHECK_FALSE(tunnel.sink.calls[1].tokens_complete);
    }
}

TEST_CASE("tls duplex: nothing said, no row") {
    Tunnel tunnel;
    tunnel.start();
    const bool is_client = GENERATE(true, false);
    (is_client ? tunnel.client : tunnel.upstream)->say_goodbye();
    auto& other = is_client ? *tunnel.upstream : *tunnel.client;
    tunnel.until([&] { return other.is_polite; });
    other.say_goodbye();
    tunnel.finish();
    CHECK(tunnel.end == End::done);
    CHECK(tunnel.sink.calls.empty());
}

TEST_CASE("tls duplex: bytes that are no TLS end both sides, and nothing of them gets through") {
    const bool is_client = GENERATE(true, false);
    Tunnel tunnel;
    tunnel.start();
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    auto& broken = is_client ? *tunnel.client : *tunnel.upstream;
    auto& other = is_client ? *tunnel.upstream : *tunnel.client;
    const std::size_t before = other.plaintext.size();
    broken.peer.send("HTTP/1.1 400 Bad Request\r\n\r\nthis is no record at all");
    tunnel.finish();
    CHECK(tunnel.end == End::done);
    tunnel.until([&] { return other.is_over(); });
    CHECK(other.plaintext.size() == before);
    CHECK(other.peer.is_reset);
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK_FALSE(tunnel.sink.calls[0].tokens_complete);
}

TEST_CASE("tls duplex: new keys in the middle are an affair of that side alone") {
    Tunnel tunnel;
    tunnel.start();
    for (int i = 0; i < 3; ++i) {
        tunnel.client->ask_for_new_keys();
        tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
        tunnel.upstream->ask_for_new_keys();
        tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(3));
    }
    CHECK(tunnel.sink.calls.size() == 3);
    CHECK_FALSE(tunnel.client->is_broken);
    CHECK_FALSE(tunnel.upstream->is_broken);
}

TEST_CASE("tls duplex: what the tap cannot read still gets through") {
    Tunnel tunnel;
    tunnel.start();
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    tunnel.pass(*tunnel.upstream, *tunnel.client, "this is not HTTP\n");
    tunnel.pass(*tunnel.client, *tunnel.upstream, random_bytes(50'000, 20));
    tunnel.pass(*tunnel.upstream, *tunnel.client, random_bytes(50'000, 21));
    tunnel.client->say_goodbye();
    tunnel.upstream->say_goodbye();
    tunnel.finish();
    CHECK(tunnel.client->is_polite);
    REQUIRE(tunnel.sink.calls.size() == 1);
    CHECK_FALSE(tunnel.sink.calls[0].tokens_complete);
}

namespace {

// The tunnel with policies of its own: calls of opus are blocked.
struct Guarded : Tunnel {
    explicit Guarded(int buffer_bytes = 0, const std::string& protocol = {})
        : Tunnel(buffer_bytes, protocol) {
        start();
        duplex->guard(services);
    }
    ~Guarded() {
        world.shuttle->interrupt_all();
        duplex.reset();  // before what it uses
    }
    void set_blocking(bool is_blocking) {
        std::vector<meter::Policy> policies;
        if (is_blocking) {
            meter::Policy policy;
            policy.id = 1;
            policy.name = "no opus";
            policy.model = "claude-opus-*";
            policy.action = meter::PolicyAction::block;
            policies.push_back(policy);
        }
        book.load(std::move(policies), {}, {}, clock.now_utc());
    }

    meter::PolicyBook book{[](meter::Happening) {}};
    proxy::GateWatch watch;
    proxy::GateServices services{book, &sink, clock, watch};
};

std::string make_opus_request(std::size_t prompt_bytes = 5) {
    auto request = make_request(prompt_bytes);
    const std::string from = "claude-sonnet-4-5";
    request.replace(request.find(from), from.size(), "claude-opus-4-1-x");
    return request;
}

}  // namespace

TEST_CASE("tls duplex: a gate comes and goes with the policies, between two requests") {
    Guarded tunnel;
    // No policy blocks anything: nothing is looked at.
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_opus_request());
    tunnel.set_blocking(true);  // in the middle of a call
    tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(1));
    REQUIRE(tunnel.sink.calls.size() == 1);

    const auto before = tunnel.upstream->plaintext.size();
    tunnel.client->plaintext.clear();
    tunnel.client->send(make_opus_request());
    tunnel.until([&] { return tunnel.client->plaintext.ends_with("}"); });
    CHECK(tunnel.client->plaintext.starts_with("HTTP/1.1 403 "));
    CHECK(tunnel.upstream->plaintext.size() == before);
    REQUIRE(tunnel.sink.calls.size() == 2);
    CHECK(tunnel.sink.calls[1].status == "blocked");
    CHECK(tunnel.duplex->is_between_calls());

    // The connection goes on, and the tap never saw the refused one.
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(2));
    REQUIRE(tunnel.sink.calls.size() == 3);
    CHECK(tunnel.sink.calls[2].usage.input == 2);

    tunnel.set_blocking(false);
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_opus_request());
    tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(3));
    CHECK(tunnel.sink.calls.size() == 4);
    tunnel.client->say_goodbye();
    tunnel.upstream->say_goodbye();
    tunnel.until([&] { return tunnel.end.has_value(); });
}

TEST_CASE("tls duplex: what the gate held goes on whole through narrow sockets") {
    Guarded tunnel(small);
    tunnel.set_blocking(true);
    for (const std::size_t size : {10, 100'000, 3'000'000}) {
        tunnel.pass(*tunnel.client, *tunnel.upstream, make_request(size));
        tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(7));
    }
    CHECK(tunnel.sink.calls.size() == 3);
    // A large one that is refused is read to its end.
    const auto before = tunnel.upstream->plaintext.size();
    tunnel.client->plaintext.clear();
    auto request = make_opus_request(2'000'000);
    tunnel.client->send(request);
    tunnel.until([&] { return tunnel.client->plaintext.ends_with("}"); });
    CHECK(tunnel.client->plaintext.starts_with("HTTP/1.1 403 "));
    tunnel.pass(*tunnel.client, *tunnel.upstream, make_request());
    CHECK(tunnel.upstream->plaintext.size() == before + make_request().size());
}

TEST_CASE("tls duplex: a pipelined refusal comes behind the answers before it") {
    Guarded tunnel;
    tunnel.set_blocking(true);
    tunnel.client->send(make_request() + make_opus_request() + make_request(50));
    tunnel.until([&] { return tunnel.upstream->plaintext.size() >= make_request().size(); });
    CHECK((tunnel.upstream->plaintext == make_request()));
    CHECK(tunnel.client->plaintext.empty());
    const auto answer = make_answer(1);
    tunnel.upstream->send(answer);
    tunnel.until([&] {
        return tunnel.upstream->plaintext.size() >= make_request().size() + make_request(50).size();
    });
    CHECK((tunnel.upstream->plaintext == make_request() + make_request(50)));
    tunnel.until([&] {
        return tunnel.client->plaintext.ends_with("}}}") ||
               tunnel.client->plaintext.find("403") != std::string::npos;
    });
    CHECK(tunnel.client->plaintext.starts_with(answer + "HTTP/1.1 403 "));
    tunnel.pass(*tunnel.upstream, *tunnel.client, make_answer(2));
    CHECK(tunnel.sink.calls.size() == 3);
}

TEST_CASE("tls duplex: a refusal that is the last ends the connection in order") {
    Guarded tunnel;
    tunnel.set_blocking(true);
    auto request = make_opus_request();
    request.insert(request.find("Content-Length"), "Connection: close\r\n");
    tunnel.client->send(request);
    tunnel.until([&] { return tunnel.client->is_polite; });
    CHECK(tunnel.client->plaintext.starts_with("HTTP/1.1 403 "));
    CHECK(tunnel.client->plaintext.ends_with("}"));
    tunnel.client->say_goodbye();
    tunnel.finish();
    CHECK(tunnel.end == End::done);
    CHECK(tunnel.upstream->plaintext.empty());
}

TEST_CASE("tls duplex: time lets what is held pass, by a wake alone") {
    Guarded tunnel;
    tunnel.set_blocking(true);
    const auto request = make_opus_request();
    const auto cut = request.find("opus");  // before the gate can know
    tunnel.client->send(request.substr(0, cut));
    tunnel.until([&] { return tunnel.watch.held_bytes > 0; });
    CHECK_FALSE(tunnel.duplex->is_between_calls());
    tunnel.clock.advance(std::chrono::seconds(4));
    tunnel.until([&] {
        tunnel.watch.wake_all(*tunnel.world.shuttle);
        return !tunnel.upstream->plaintext.empty();
    });
    tunnel.client->send(request.substr(cut));
    tunnel.until([&] { return tunnel.upstream->plaintext.size() == request.size(); });
    CHECK((tunnel.upstream->plaintext == request));
    CHECK(tunnel.book.counts().undecided == 1);
}

TEST_CASE("tls duplex: a client that ends inside a held request is passed on as it is") {
    Guarded tunnel;
    tunnel.set_blocking(true);
    const auto request = make_opus_request();
    const auto cut = request.find("opus");  // before the gate can know
    tunnel.client->send(request.substr(0, cut));
    tunnel.client->say_goodbye();
    tunnel.until([&] { return tunnel.upstream->is_polite; });
    CHECK((tunnel.upstream->plaintext == request.substr(0, cut)));
}
