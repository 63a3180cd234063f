// The words that the edge and the daemon exchange on the chain hop, as text. Pure.
//   edge:    CONNECT host:port + two private headers (they never leave this machine)
//   daemon:  102 at once ("alive, dialling"), then 200 ("taken") or anything else ("yours")
#pragma once

#include <string>

#include "http/head.h"

namespace halton::proxy::chain_protocol {

// Both ends of the client's connection to the edge, as "ip:port" or "[v6]:port".
struct ClientAddress {
    std::string client;
    std::string edge;
};

std::string make_request(const http::Target& target, const ClientAddress& address);

struct Request {
    http::Target target;
    ClientAddress address;  // empty when the peer is not our edge
};
// `head` with its blank line. Errors: malformed, unsupported (not a CONNECT).
Result<Request> parse_request(std::string_view head);

inline constexpr std::string_view alive = "HTTP/1.1 102 Processing\r\n\r\n";
inline constexpr std::string_view taken = "HTTP/1.1 200 Connection Established\r\n\r\n";
// `reason` is one of our own words: "not-metered", "client-refuses", "other-user", "upstream-...".
std::string make_decline(std::string_view reason);

}  // namespace halton::proxy::chain_protocol
