#include "proxy/plain_http.h"

#include "support/catch.h"

using namespace halton;

namespace {

std::string rewrite(const std::string& head, bool is_for_proxy = false,
                    std::string_view authorization = {}) {
    const auto parsed = http::parse_request_head(head);
    REQUIRE(parsed);
    const auto uri = http::parse_absolute_uri(parsed->target);
    REQUIRE(uri);
    return proxy::rewrite_head(*parsed, *uri, is_for_proxy, authorization);
}

// The head with that one field beside Host.
std::string with_field(const std::string& field) {
    return rewrite("GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n" + field +
                   "\r\n\r\n");
}

constexpr const char* bare = "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";

}  // namespace

TEST_CASE("plain http: absolute form becomes origin form") {
    CHECK(rewrite("GET http://example.com/a/b?c=d HTTP/1.1\r\nHost: example.com\r\n"
                  "Accept: */*\r\n\r\n") ==
          "GET /a/b?c=d HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n"
          "Connection: close\r\n\r\n");
    CHECK(rewrite("POST http://example.com HTTP/1.0\r\nContent-Length: 3\r\n\r\n") ==
          "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n"
          "Connection: close\r\n\r\n");
}

TEST_CASE("plain http: Host comes from the target, whatever the client says") {
    CHECK(rewrite("GET http://example.com/ HTTP/1.1\r\nHost: other.example\r\n\r\n") == bare);
    CHECK(rewrite("GET http://example.com:80/ HTTP/1.1\r\nHost: x\r\n\r\n") == bare);
    CHECK(rewrite("GET http://example.com:8080/ HTTP/1.1\r\nHost: x\r\n\r\n") ==
          "GET / HTTP/1.1\r\nHost: example.com:8080\r\nConnection: close\r\n\r\n");
    CHECK(rewrite("GET http://[2001:db8::1]:81/ HTTP/1.1\r\nHost: x\r\n\r\n") ==
          "GET / HTTP/1.1\r\nHost: [2001:db8::1]:81\r\nConnection: close\r\n\r\n");
}

TEST_CASE("plain http: fields of the proxy hop stay behind") {
    for (const char* field :
         {"Proxy-Connection: keep-alive", "Proxy-Authorization: Basic c2VjcmV0",
          "Connection: keep-alive", "Keep-Alive: timeout=5", "PROXY-CONNECTION: x",
          "Upgrade: h2c",  // not announced by Connection
          "Connection: close\r\nConnection: keep-alive"}) {
        INFO(field);
        CHECK(with_field(field) == bare);
    }
}

TEST_CASE("plain http: fields that Connection names stay behind too") {
    CHECK(with_field("Connection: X-Hop, TE\r\nX-Hop: 1\r\nTE: trailers") == bare);
    CHECK(with_field("x-hop: 1\r\nConnection: close\r\nConnection: X-HOP") == bare);
    CHECK(with_field("Connection: X-Hop\r\nX-Hops: 1") ==
          "GET / HTTP/1.1\r\nHost: example.com\r\nX-Hops: 1\r\nConnection: close\r\n\r\n");
    // Naming these would change where the body ends: they stay.
    CHECK(with_field("Connection: Content-Length\r\nContent-Length: 5") ==
          "GET / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n"
          "Connection: close\r\n\r\n");
    CHECK(with_field("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked") ==
          "GET / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n"
          "Connection: close\r\n\r\n");
}

TEST_CASE("plain http: an upgrade goes through") {
    CHECK(with_field("Connection: keep-alive, Upgrade\r\nUpgrade: websocket") ==
          "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n"
          "Connection: Upgrade\r\n\r\n");
}

TEST_CASE("plain http: a corporate proxy gets the absolute form and our credentials") {
    const std::string head =
        "GET http://example.com:8080/a?b HTTP/1.1\r\nHost: x\r\n"
        "Proxy-Authorization: Basic bWluZQ==\r\n\r\n";
    CHECK(rewrite(head, true, "Basic b3Vycw==") ==
          "GET http://example.com:8080/a?b HTTP/1.1\r\nHost: example.com:8080\r\n"
          "Proxy-Authorization: Basic b3Vycw==\r\nConnection: close\r\n\r\n");
    CHECK(rewrite(head, true).find("Proxy-Authorization") == std::string::npos);
    CHECK(rewrite(head, false, "Basic b3Vycw==").find("Basic") == std::string::npos);
}
