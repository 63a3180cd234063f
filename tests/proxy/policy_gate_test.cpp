#include "proxy/policy_gate.h"

#include <random>

#include <fmt/format.h>

#include "base/json.h"
#include "support/catch.h"
#include "support/fake_clock.h"
#include "support/replay.h"

using namespace halton;
using namespace halton::test;
using meter::Policy;
using meter::PolicyAction;
using proxy::GateServices;
using proxy::GateWatch;
using proxy::PolicyGate;

namespace {

Policy block(std::string model) {
    Policy policy;
    policy.id = 1;
    policy.name = "no opus";
    policy.model = std::move(model);
    policy.action = PolicyAction::block;
    return policy;
}

// A gate, and what came out of it on both sides. The upstream answers when it is told to.
struct World {
    explicit World(Policy policy, std::string host = "api.anthropic.com")
        : facts{std::move(host), "shop", "git", "/home/ada/shop"} {
        book.load({std::move(policy)}, {}, {}, clock.now_utc());
        gate.emplace(facts, services);
    }

    void give(std::string_view bytes, std::size_t piece_bytes = std::string::npos) {
        for (std::size_t at = 0; at < bytes.size();) {
            const auto piece = bytes.substr(at, std::min(piece_bytes, bytes.size() - at));
            gate->take(piece);
            at += piece.size();
            pump();
        }
    }
    void pump() {
        for (;;) {
            if (const auto ready = gate->ready(); !ready.empty()) {
                const auto count = std::min<std::size_t>(ready.size(), 1000);
                upstream += ready.substr(0, count);
                gate->consume(count);
                continue;
            }
            const auto answer = gate->take_answer(is_quiet);
            if (answer.empty()) return;
            client += answer;
        }
    }

    FakeClock clock;
    CollectingSink sink;
    std::vector<meter::Happening> told;
    meter::PolicyBook book{[this](meter::Happening happening) { told.push_back(happening); }};
    GateWatch watch;
    GateServices services{book, &sink, clock, watch};
    meter::ConnectionFacts facts;
    std::optional<PolicyGate> gate;
    std::string upstream;
    std::string client;
    bool is_quiet = true;
};

std::string make_request(const std::string& model, const std::string& more_headers = {},
                         std::size_t prompt_bytes = 20) {
    // As the SDKs of Python write it: the model stands behind the messages.
    const auto body = R"({"max_tokens":10,"messages":[{"role":"user","content":")" +
                      std::string(prompt_bytes, 'p') + R"("}],"model":")" + model +
                      R"(","stream":true})";
    return "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\n" + more_headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string make_chunked(const std::string& model) {
    return "POST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
           "a\r\n{\"model\":\"\r\n" +
           fmt::format("{:x}\r\n{}\r\n", model.size(), model) + "2\r\n\"}\r\n0\r\n\r\n";
}

bool is_refusal(const std::string& answer) { return answer.starts_with("HTTP/1.1 403 "); }

}  // namespace

TEST_CASE("policy gate: what may pass goes on as it came, in any pieces") {
    const auto bytes = make_request("claude-haiku") + make_chunked("claude-haiku") +
                       "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n" + make_request("claude-sonnet");
    for (const std::size_t piece : {1, 2, 3, 7, 50, 100, 1000, 100'000}) {
        World world(block("claude-opus-*"));
        world.give(bytes, piece);
        CHECK((world.upstream == bytes));
        CHECK(world.client.empty());
        CHECK(world.sink.calls.empty());
        CHECK(world.gate->is_idle());
        CHECK(world.watch.held_bytes == 0);
        CHECK(world.book.counts().undecided == 0);
    }
}

TEST_CASE("policy gate: a refused request leaves nothing upstream, and the next one goes on") {
    const auto good = make_request("claude-haiku");
    for (const auto& bad : {make_request("claude-opus-4-1"), make_chunked("claude-opus-4-1")})
        for (const std::size_t piece : {1, 5, 64, 100'000}) {
            World world(block("claude-opus-*"));
            world.give(good + bad + good, piece);
            CHECK((world.upstream == good + good));
            CHECK(is_refusal(world.client));
            REQUIRE(world.sink.calls.size() == 1);
            const auto& row = world.sink.calls[0];
            CHECK(row.status == "blocked");
            CHECK(row.http_status == 403);
            CHECK(row.model == "claude-opus-4-1");
            CHECK(row.requested_model == "claude-opus-4-1");
            CHECK(row.provider == "anthropic");
            CHECK(row.project_slug == "shop");
            CHECK(row.usage == meter::TokenUsage{});
            CHECK(row.cost == NanoUsd{0});
            CHECK_FALSE(row.error);
            REQUIRE(world.told.size() == 1);
            CHECK(world.told[0].request_id == row.id);
            CHECK(world.gate->is_idle());
            CHECK(world.watch.held_bytes == 0);
        }
}

TEST_CASE("policy gate: a refusal waits for the answers of the requests before it") {
    World world(block("claude-opus-*"));
    world.is_quiet = false;
    const auto good = make_request("claude-haiku");
    world.give(good + make_request("claude-opus-4-1") + good);
    CHECK((world.upstream == good));
    CHECK(world.client.empty());
    CHECK_FALSE(world.gate->wants_more());
    CHECK_FALSE(world.gate->is_idle());
    world.is_quiet = true;
    world.pump();
    CHECK(is_refusal(world.client));
    CHECK((world.upstream == good + good));
}

TEST_CASE("policy gate: what the head decides is refused before the body comes") {
    World world(block(""));
    const auto request = make_request("claude-haiku", "", 100'000);
    const auto end = request.find("\r\n\r\n") + 4;
    world.give(request.substr(0, end));
    CHECK(is_refusal(world.client));
    CHECK(world.client.find("Connection: close") == std::string::npos);
    // The body that comes all the same is thrown away, and the connection goes on.
    world.give(request.substr(end), 1000);
    CHECK(world.gate->is_idle());
    world.give("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(world.upstream.starts_with("GET /v1/models"));
    CHECK(world.client.find("403", 20) == std::string::npos);
}

TEST_CASE("policy gate: the row has the model also where it did not decide, if it was there") {
    for (const auto& request : {make_request("claude-haiku"), make_chunked("claude-haiku")}) {
        World world(block(""));
        world.give(request + "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
        REQUIRE(world.sink.calls.size() == 1);
        CHECK(world.sink.calls[0].model == "claude-haiku");
        CHECK(world.upstream.starts_with("GET /v1/models"));
    }
}

TEST_CASE("policy gate: Expect: 100-continue") {
    const auto split = [](const std::string& request) {
        const auto end = request.find("\r\n\r\n") + 4;
        return std::pair{request.substr(0, end), request.substr(end)};
    };
    {
        // Decided by the head: the client may never send its body, so the connection ends.
        World world(block(""));
        world.give(split(make_request("claude-haiku", "Expect: 100-continue\r\n")).first);
        CHECK(is_refusal(world.client));
        CHECK(world.client.find("Connection: close") != std::string::npos);
        CHECK(world.gate->is_closing());
        CHECK(world.upstream.empty());
    }
    for (const std::string model : {"claude-opus-4-1", "claude-haiku"}) {
        // The model is in the body: we ask for it ourselves.
        World world(block("claude-opus-*"));
        const auto request = make_request(model, "Expect: 100-continue\r\n");
        const auto [head, body] = split(request);
        world.give(head);
        CHECK(world.client == "HTTP/1.1 100 Continue\r\n\r\n");
        CHECK(world.upstream.empty());
        world.give(body, 10);
        if (model == "claude-haiku") {
            CHECK((world.upstream == request));
        } else {
            CHECK(is_refusal(world.client.substr(25)));
            CHECK(world.client.find("Connection: close") == std::string::npos);
            CHECK(world.upstream.empty());
            CHECK(world.gate->is_idle());
        }
    }
    // A client that does not wait is not told to go on.
    World world(block("claude-opus-*"));
    const auto request = make_request("claude-haiku", "Expect: 100-continue\r\n");
    world.give(request);
    CHECK(world.client.empty());
    CHECK((world.upstream == request));
}

TEST_CASE("policy gate: the last request of a connection ends it") {
    World world(block("claude-opus-*"));
    world.give(make_request("claude-opus-4-1", "Connection: close\r\n"));
    CHECK(is_refusal(world.client));
    CHECK(world.client.find("Connection: close") != std::string::npos);
    CHECK(world.gate->is_closing());
    world.give("more of it");
    CHECK(world.upstream.empty());
    CHECK_FALSE(world.gate->is_over());
    world.clock.advance(std::chrono::seconds(3));
    world.gate->look_at_clock();
    CHECK(world.gate->is_over());
}

TEST_CASE("policy gate: what is too large, in all or alone, passes undecided") {
    const auto bytes = make_request("claude-opus-4-1", "", 50'000);
    {
        World world(block("claude-opus-*"));
        world.services.hold_bytes_max = 10'000;
        world.give(bytes, 900);
        CHECK((world.upstream == bytes));
        CHECK(world.client.empty());
        CHECK(world.book.counts().undecided == 1);
        CHECK(world.watch.held_bytes == 0);
        // The next one is looked at again.
        world.give(make_request("claude-opus-4-1"));
        CHECK(is_refusal(world.client));
    }
    World world(block("claude-opus-*"));
    world.watch.held_bytes = 60'000;  // of others
    world.services.hold_all_bytes_max = 70'000;
    world.give(bytes, 900);
    CHECK((world.upstream == bytes));
    CHECK(world.watch.held_bytes == 60'000);
}

TEST_CASE("policy gate: what takes too long passes undecided") {
    World world(block("claude-opus-*"));
    const auto bytes = make_request("claude-opus-4-1");
    world.give(bytes.substr(0, bytes.size() - 30));
    CHECK(world.upstream.empty());
    CHECK(world.gate->is_waiting());
    world.clock.advance(std::chrono::seconds(2));
    world.gate->look_at_clock();
    world.pump();
    CHECK(world.upstream.empty());
    world.clock.advance(std::chrono::seconds(2));
    world.gate->look_at_clock();
    world.pump();
    CHECK_FALSE(world.upstream.empty());
    world.give(bytes.substr(bytes.size() - 30));
    CHECK((world.upstream == bytes));
    CHECK(world.gate->is_idle());
    // Half a head: what follows cannot be told apart any more, so all of it goes on.
    world.upstream.clear();
    world.give("POST /v1/mess");
    world.clock.advance(std::chrono::seconds(4));
    world.gate->look_at_clock();
    world.pump();
    CHECK(world.upstream == "POST /v1/mess");
    world.give("ages HTTP/1.1\r\n\r\n" + bytes);
    CHECK(world.upstream.ends_with(bytes));
    CHECK(world.client.empty());
}

TEST_CASE("policy gate: what is no HTTP that all read alike passes for good") {
    const auto bad = make_request("claude-opus-4-1");
    for (const std::string odd :
         {"\x16\x03\x01 not http \r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
          "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
          "CONNECT x:443 HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
          "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
        INFO(odd);
        World world(block(""));
        world.give(odd + bad, 10);
        CHECK((world.upstream == odd + bad));
        CHECK(world.client.empty());
    }
    // Also where chunks break in the middle of what is held.
    World world(block("claude-opus-*"));
    const auto broken =
        "POST /v1/messages HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX" + bad;
    world.give(broken, 9);
    CHECK((world.upstream == broken));
    // And a head without an end.
    World endless(block(""));
    endless.give("GET / HTTP/1.1\r\nA: " + std::string(70'000, 'a'), 1000);
    CHECK(endless.upstream.size() == 70'019);
}

TEST_CASE("policy gate: who is not concerned is not held beyond the head") {
    World world(block("claude-opus-*"));
    // Counting tokens costs nothing, and is nobody's to block.
    const auto count = "POST /v1/messages/count_tokens HTTP/1.1\r\nContent-Length: 100\r\n\r\n{";
    world.give(count);
    CHECK(world.upstream == count);
    // A budget that is not reached asks for no model.
    auto budget = block("");
    budget.kind = meter::PolicyKind::budget;
    budget.limit = NanoUsd{100};
    World other(budget);
    const auto begun = make_request("claude-opus-4-1").substr(0, 150);
    other.give(begun);
    CHECK(other.upstream == begun);
}

TEST_CASE("policy gate: budgets block from their limit on, but not what a subscription covers") {
    auto budget = block("");
    budget.kind = meter::PolicyKind::budget;
    budget.limit = NanoUsd{100};
    World world(budget);
    const std::vector<NanoUsd> spent{NanoUsd{100}};
    world.book.load({budget}, spent, {}, world.clock.now_utc());
    const auto plan = make_request("claude-opus-4-1", "Authorization: Bearer sk-ant-oat01-x\r\n");
    world.give(plan);
    CHECK((world.upstream == plan));
    world.give(make_request("claude-opus-4-1", "x-api-key: k\r\n"));
    CHECK(is_refusal(world.client));
    REQUIRE(world.told.size() == 2);  // the limit, and the refusal
    CHECK(world.told[1].spent == NanoUsd{100});
}

TEST_CASE("policy gate: models in paths and in queries of sockets") {
    World gemini(block("gemini-*-pro"), "generativelanguage.googleapis.com");
    gemini.give(
        "POST /v1beta/models/gemini-2.5-pro:generateContent HTTP/1.1\r\n"
        "Content-Length: 1000\r\n\r\n{");
    CHECK(is_refusal(gemini.client));
    CHECK(gemini.client.find("PERMISSION_DENIED") != std::string::npos);

    const auto upgrade = [](const std::string& query) {
        return "GET /v1/realtime" + query +
               " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    };
    World socket(block("gpt-realtime*"), "api.openai.com");
    socket.give(upgrade("?intent=x&model=gpt-realtime-2"));
    CHECK(is_refusal(socket.client));
    CHECK(socket.upstream.empty());
    CHECK(socket.sink.calls[0].requested_model == "gpt-realtime-2");
    // Other models, and none, pass.
    World other(block("gpt-realtime*"), "api.openai.com");
    other.give(upgrade("?xmodel=gpt-realtime"));
    CHECK(other.client.empty());
    CHECK(other.upstream == upgrade("?xmodel=gpt-realtime"));
}

TEST_CASE("policy gate: a host of nobody's stands open") {
    World world(block(""), "example.com");
    world.give(make_request("claude-opus-4-1"));
    CHECK(world.upstream == make_request("claude-opus-4-1"));
}

TEST_CASE("policy gate: a body that never ends is not read for ever") {
    World world(block(""));
    world.services.drain_bytes_max = 10'000;
    world.give("POST /v1/messages HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
    CHECK(is_refusal(world.client));
    world.give(std::string(20'000, 'x'), 1000);
    CHECK(world.gate->is_closing());
    // Nor is it waited for.
    World slow(block(""));
    slow.give("POST /v1/messages HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
    slow.clock.advance(std::chrono::seconds(31));
    slow.gate->look_at_clock();
    CHECK(slow.gate->is_closing());
    CHECK(slow.upstream.empty());
}

TEST_CASE("policy gate: random streams of requests, cut anywhere, are sorted right") {
    for (unsigned seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        World world(block("claude-opus-*"));
        std::string all;
        std::string wanted;
        std::size_t refused_count = 0;
        for (int i = 0; i < 30; ++i) {
            const bool is_bad = random() % 3 == 0;
            const std::string model = is_bad ? "claude-opus-4-1" : "claude-haiku";
            std::string request;
            switch (random() % 4) {
                case 0: request = make_chunked(model); break;
                case 1: request = make_request(model, "", random() % 20'000); break;
                case 2: request = make_request(model); break;
                case 3: request = "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"; break;
            }
            const bool is_call = request[0] == 'P';
            all += request;
            if (is_call && is_bad)
                ++refused_count;
            else
                wanted += request;
        }
        world.is_quiet = random() % 2 == 0;
        for (std::size_t at = 0; at < all.size();) {
            const auto piece = std::string_view(all).substr(at, 1 + random() % 3000);
            world.give(piece);
            at += piece.size();
            if (random() % 4 == 0) {
                world.is_quiet = true;
                world.pump();
                world.is_quiet = random() % 2 == 0;
            }
        }
        world.is_quiet = true;
        world.pump();
        REQUIRE((world.upstream == wanted));
        REQUIRE(world.sink.calls.size() == refused_count);
        REQUIRE(world.gate->is_idle());
        REQUIRE(world.watch.held_bytes == 0);
    }
}
