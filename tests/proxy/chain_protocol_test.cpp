#include "proxy/chain_protocol.h"

#include "support/catch.h"

using namespace halton;
namespace protocol = halton::proxy::chain_protocol;

TEST_CASE("chain protocol: what the edge writes, the daemon reads") {
    const std::vector<http::Target> targets{
        {"api.example.com", 443, false}, {"192.0.2.1", 8443, true}, {"2001:db8::1", 443, true}};
    const protocol::ClientAddress address{"127.0.0.1:50123", "[::1]:8081"};
    for (const auto& target : targets) {
        const auto text = protocol::make_request(target, address);
        std::size_t scanned = 0;
        CHECK(http::find_head_end(text, scanned) == text.size());
        const auto request = protocol::parse_request(text);
        REQUIRE(request);
        CHECK(request->target == target);
        CHECK(request->address.client == address.client);
        CHECK(request->address.edge == address.edge);
    }
}

TEST_CASE("chain protocol: a peer that is not our edge has no address") {
    const auto plain = protocol::parse_request("CONNECT a.example:1 HTTP/1.1\r\n\r\n");
    REQUIRE(plain);
    CHECK(plain->target.host == "a.example");
    CHECK(plain->address.client.empty());
    CHECK(plain->address.edge.empty());
}

TEST_CASE("chain protocol: everything else is refused") {
    const auto kind = [](std::string_view text) {
        const auto request = protocol::parse_request(text);
        REQUIRE_FALSE(request);
        return request.error().kind;
    };
    CHECK(kind("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") == ErrorKind::unsupported);
    CHECK(kind("CONNECT api.example.com HTTP/1.1\r\n\r\n") == ErrorKind::malformed);
    CHECK(kind("CONNECT api.example.com:0x50 HTTP/1.1\r\n\r\n") == ErrorKind::malformed);
    CHECK(kind("nonsense\r\n\r\n") == ErrorKind::malformed);
    CHECK(kind("") == ErrorKind::malformed);
}

TEST_CASE("chain protocol: the daemon's words are heads of HTTP") {
    const auto alive = http::parse_response_head(protocol::alive);
    REQUIRE(alive);
    CHECK(alive->status == 102);
    const auto taken = http::parse_response_head(protocol::taken);
    REQUIRE(taken);
    CHECK(taken->status == 200);
    const auto decline = http::parse_response_head(protocol::make_decline("not-metered"));
    REQUIRE(decline);
    CHECK(decline->status == 403);
    const auto* reason = decline->headers.find("x-halton-reason");
    REQUIRE(reason != nullptr);
    CHECK(*reason == "not-metered");
}
