#include "net/http_server.h"

#include "net/task_group.h"
#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;
using net::HttpAnswer;

namespace {

struct World {
    explicit World(Limits given = generous_limits()) : limits(given) {
        auto pair = make_tcp_pair();
        client.emplace(to_stream(io, std::move(pair.a)));
        tasks.spawn("server", server.serve(to_stream(io, std::move(pair.b))));
    }
    ~World() {
        client.reset();
        tasks.cancel_all();
        io.run(tasks.join(safety));
    }

    void send(std::string_view text) { REQUIRE(io.run(client->write_all(text, safety))); }
    // Everything until the server closes.
    std::string rest() { return io.run(read_to_end(*client)).bytes; }
    // One answer of a connection that stays.
    std::string next(std::size_t body_bytes) {
        const auto head = io.run(read_head(*client));
        return head + io.run(read_exactly(*client, body_bytes));
    }

    Io io;
    Limits limits;
    std::vector<std::string> asked;
    asio::awaitable<void> answer(net::HttpExchange& exchange) {
        asked.push_back(exchange.head().method + ' ' + exchange.head().target);
        if (!exchange.body().empty()) asked.back() += ' ' + exchange.body();
        if (exchange.head().target == "/pieces") {
            const HttpAnswer head{200, "text/plain", {}, {}};
            const auto begun = co_await exchange.begin(head);
            CHECK(begun);
            for (const char* piece : {"one", "", "two"}) {
                const auto sent = co_await exchange.write(piece);
                CHECK(sent);
            }
            if (exchange.head().headers.find("Cut") == nullptr) (void)co_await exchange.end();
            co_return;
        }
        HttpAnswer made{404, "text/plain", "answer " + std::to_string(asked.size()), {}};
        made.headers.add("X-More", "yes");
        (void)co_await exchange.send(made);
    }
    net::HttpServer server{
        limits,
        {.connection_count_max = 4, .connection_count_crowded = 1, .body_bytes_max = 8},
        [this](net::HttpExchange& exchange) { return answer(exchange); }};
    net::TaskGroup tasks{io.context.get_executor()};
    std::optional<TcpStream> client;
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("http server: one answer after the other on one connection") {
    World world;
    world.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto first = world.next(8);
    CHECK(first.starts_with("HTTP/1.1 404 Not Found\r\n"));
    CHECK(has(first, "Content-Type: text/plain\r\n"));
    CHECK(has(first, "Content-Length: 8\r\n"));
    CHECK(has(first, "X-More: yes\r\n"));
    CHECK_FALSE(has(first, "Connection: close"));
    CHECK(first.ends_with("\r\n\r\nanswer 1"));

    // Byte by byte, and two in one piece.
    for (const char c : std::string_view("GET /b HTTP/1.1\r\n\r\n")) world.send({&c, 1});
    CHECK(world.next(8).ends_with("answer 2"));
    world.send("GET /c HTTP/1.1\r\n\r\nGET /d HTTP/1.1\r\nConnection: close\r\n\r\n");
    CHECK(world.next(8).ends_with("answer 3"));
    const auto last = world.rest();
    CHECK(has(last, "Connection: close\r\n"));
    CHECK(last.ends_with("answer 4"));
    CHECK(world.asked == std::vector<std::string>{"GET /a", "GET /b", "GET /c", "GET /d"});
}

TEST_CASE("http server: HEAD has the length and no body") {
    World world;
    world.send("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n");
    const auto answer = world.rest();
    CHECK(has(answer, "Content-Length: 8\r\n"));
    CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("http server: HTTP/1.0 gets one answer") {
    World world;
    world.send("GET / HTTP/1.0\r\n\r\n");
    const auto answer = world.rest();
    CHECK(answer.starts_with("HTTP/1.1 404 "));
    CHECK(has(answer, "Connection: close\r\n"));
}

TEST_CASE("http server: a body is read, however it comes, and the next request after it") {
    World world;
    world.send("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\n");
    CHECK(world.next(8).ends_with("answer 1"));
    CHECK(world.next(8).ends_with("answer 2"));
    for (const char c : std::string_view("PUT /c HTTP/1.1\r\nContent-Length: 8\r\n\r\n12345678"))
        world.send({&c, 1});
    CHECK(world.next(8).ends_with("answer 3"));
    CHECK(world.asked == std::vector<std::string>{"POST /a hello", "GET /b", "PUT /c 12345678"});
}

TEST_CASE("http server: who asks whether to go on is told so") {
    World world;
    world.send("POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    CHECK(world.io.run(read_head(*world.client)) == "HTTP/1.1 100 Continue\r\n\r\n");
    world.send("hi");
    CHECK(world.next(8).ends_with("answer 1"));
}

TEST_CASE("http server: a body that is too large or has no length ends the connection") {
    World world;
    std::string status;
    SECTION("too large") {
        world.send("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n");
        status = "413";
    }
    SECTION("far too large") {
        world.send("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n");
        status = "400";
    }
    SECTION("chunked") {
        world.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        status = "411";
    }
    SECTION("no number") {
        world.send("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n");
        status = "400";
    }
    const auto answer = world.rest();
    CHECK(answer.starts_with("HTTP/1.1 " + status + " "));
    CHECK(has(answer, "Connection: close\r\n"));
    CHECK(world.asked.empty());
}

TEST_CASE("http server: an answer in pieces") {
    World world;
    SECTION("goes on with the next request") {
        world.send("GET /pieces HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n");
        const auto text = world.rest();
        CHECK(
            has(text,
                "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\nHTTP/1.1 404"));
    }
    SECTION("until the end of the connection for HTTP/1.0") {
        world.send("GET /pieces HTTP/1.0\r\n\r\n");
        const auto text = world.rest();
        CHECK_FALSE(has(text, "chunked"));
        CHECK(text.ends_with("\r\n\r\nonetwo"));
    }
    SECTION("of which a HEAD gets none") {
        world.send("HEAD /pieces HTTP/1.1\r\nConnection: close\r\n\r\n");
        CHECK(world.rest().ends_with("\r\n\r\n"));
    }
    SECTION("that is cut off can be seen to be") {
        world.send("GET /pieces HTTP/1.1\r\nCut: yes\r\n\r\n");
        CHECK(world.rest().ends_with("3\r\ntwo\r\n"));
    }
}

TEST_CASE("http server: a crowd that asks nothing makes room for who does") {
    World world;
    std::vector<TcpStream> crowd;
    const auto join = [&] {
        auto pair = make_tcp_pair();
        crowd.push_back(to_stream(world.io, std::move(pair.a)));
        world.tasks.spawn("server", world.server.serve(to_stream(world.io, std::move(pair.b))));
    };
    world.send("GET /a HTTP/1.1\r\n\r\n");
    CHECK(world.next(8).ends_with("answer 1"));
    // A second one, with half of a head: the first one has waited longest, and goes.
    join();
    REQUIRE(world.io.run(crowd[0].write_all("GET / HTT", safety)));
    CHECK(world.rest().empty());
    // A third one is answered, and the slow one goes.
    join();
    REQUIRE(world.io.run(crowd[1].write_all("GET /b HTTP/1.1\r\n\r\n", safety)));
    CHECK(world.io.run(read_head(crowd[1])).starts_with("HTTP/1.1 404 "));
    CHECK(world.io.run(read_to_end(crowd[0])).bytes.empty());
    CHECK(world.server.connection_count() == 1);
    CHECK(world.server.has_room());
    crowd.clear();
}

TEST_CASE("http server: an empty body is none") {
    World world;
    world.send("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
    CHECK(world.next(8).ends_with("answer 1"));
    CHECK(world.next(8).ends_with("answer 2"));
}

TEST_CASE("http server: what is no request gets 400 and the end, the handler sees nothing") {
    World world;
    world.send("nonsense\r\n\r\n");
    const auto answer = world.rest();
    CHECK(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(has(answer, "Connection: close\r\n"));
    CHECK(world.asked.empty());
}

TEST_CASE("http server: idle, half-sent and endless heads end the connection") {
    Limits limits = generous_limits();
    std::string text;
    bool is_ended = false;
    SECTION("idle") { limits.first_head = Milliseconds(5); }
    SECTION("half a head") {
        limits.first_head = Milliseconds(5);
        text = "GET / HTTP/1.1\r\n";
    }
    SECTION("half a body") {
        limits.first_head = Milliseconds(5);
        text = "POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nhal";
    }
    SECTION("half a head, then the end") {
        text = "GET / HTTP/1.1\r\n";
        is_ended = true;
    }
    SECTION("no end of a head") {
        text = "GET / HTTP/1.1\r\nX: " + std::string(limits::head_bytes_max + 4000, 'x');
    }
    World world(limits);
    world.io.run(world.client->write_all(text, safety));
    if (is_ended) world.client->shutdown_write();
    CHECK(world.rest().empty());
    CHECK(world.io.run(world.tasks.join(safety)));
    CHECK(world.asked.empty());
}
