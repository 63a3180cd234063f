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
        tasks.spawn("server", net::serve_http(to_stream(io, std::move(pair.b)), limits, handler));
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
    net::HttpHandler handler = [this](const http::RequestHead& head) {
        asked.push_back(head.method + ' ' + head.target);
        HttpAnswer answer{404, "text/plain", "answer " + std::to_string(asked.size()), {}};
        answer.headers.add("X-More", "yes");
        return answer;
    };
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
    CHECK(has(first, "X-Content-Type-Options: nosniff\r\n"));
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

TEST_CASE("http server: closes where the next request cannot be found") {
    World world;
    SECTION("HTTP/1.0") { world.send("GET / HTTP/1.0\r\n\r\n"); }
    SECTION("a body") {
        world.send("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    }
    SECTION("a chunked body") {
        world.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    }
    const auto answer = world.rest();
    CHECK(answer.starts_with("HTTP/1.1 404 "));
    CHECK(has(answer, "Connection: close\r\n"));
    CHECK(world.asked.size() == 1);
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
