#include "proxy/chain_protocol.h"

#include "base/text.h"

namespace halton::proxy::chain_protocol {
namespace {

constexpr std::string_view client_header = "X-Halton-Client";
constexpr std::string_view edge_header = "X-Halton-Edge";

}  // namespace

std::string make_request(const http::Target& target, const ClientAddress& address) {
    const std::string authority = http::to_text(target);
    std::string text = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
    text.append(client_header).append(": ").append(address.client).append("\r\n");
    text.append(edge_header).append(": ").append(address.edge).append("\r\n\r\n");
    return text;
}

Result<Request> parse_request(std::string_view head) {
    auto parsed = http::parse_request_head(head);
    if (!parsed) return fail(parsed.error());
    if (!is_equal_ignoring_case(parsed->method, "CONNECT"))
        return fail(ErrorKind::unsupported, "this port takes CONNECT from the edge only");
    auto target = http::parse_authority(parsed->target);
    if (!target) return fail(target.error());
    Request request{std::move(*target), {}};
    if (const auto* client = parsed->headers.find(client_header)) request.address.client = *client;
    if (const auto* edge = parsed->headers.find(edge_header)) request.address.edge = *edge;
    return request;
}

std::string make_decline(std::string_view reason) {
    return "HTTP/1.1 403 Declined\r\nX-Halton-Reason: " + std::string(reason) +
           "\r\nContent-Length: 0\r\n\r\n";
}

}  // namespace halton::proxy::chain_protocol
