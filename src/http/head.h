// Heads of HTTP/1.x messages as values, and the CONNECT target in them.
// Strict where a lenient reader could be tricked (RFC 9112): the edge answers 400 to anything odd.
// The relay and the tap do not use the strict reader: what two parties agreed on, we only copy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace halton::http {

struct Header {
    std::string name;   // as sent
    std::string value;  // without surrounding blanks
};

// Header fields in their order. Names compare without case.
class HeaderList {
public:
    void add(std::string name, std::string value);
    // An empty field at the end, to be filled in place by whoever reads a head piece by piece.
    Header& add_empty();
    // The first field of that name, or nothing.
    const std::string* find(std::string_view name) const;
    // Whether a comma list of that name holds the token, without case ("connection", "close").
    bool has_token(std::string_view name, std::string_view token) const;
    std::size_t count(std::string_view name) const;
    const std::vector<Header>& all() const { return headers_; }
    void clear() { headers_.clear(); }

private:
    std::vector<Header> headers_;
};

struct RequestHead {
    std::string method;  // as sent, case kept
    std::string target;  // as sent: origin form, absolute form, authority form or "*"
    int version_minor = 1;
    HeaderList headers;
};

struct ResponseHead {
    int status = 0;
    int version_minor = 1;
    std::string reason;
    HeaderList headers;
};

// Position just behind the blank line that ends a head in `bytes`, 0 when it is not there yet.
// Only CRLF CRLF ends a head; `scanned` (in and out) saves rescanning between calls.
std::size_t find_head_end(std::string_view bytes, std::size_t& scanned);

// `head` with its final blank line. Errors: malformed (bare CR or LF, obs-fold, space before a
// colon, bad method, control bytes, no HTTP/1.x version, two different Content-Length, ...),
// too_large (more than header_count_max fields), unsupported (HTTP/2 preface, HTTP/0.9).
Result<RequestHead> parse_request_head(std::string_view head);
Result<ResponseHead> parse_response_head(std::string_view head);

// Where a client wants to go. Host is lower case, without brackets and without a trailing dot.
struct Target {
    std::string host;
    std::uint16_t port = 0;
    bool is_ip_literal = false;  // host is an IPv4 or IPv6 address
    auto operator<=>(const Target&) const = default;
};

// "host:port", "[v6]:port" of a CONNECT request line (RFC 9110 section 9.3.6). Also accepts the
// curious numeric forms of an IPv4 address as a *name* (they are then resolved, not believed).
// Errors: malformed (no or bad port, empty or over-long host, forbidden bytes, zone ids).
Result<Target> parse_authority(std::string_view authority);

// "[::1]:443" or "host:443".
std::string to_text(const Target& target);

// Absolute form "http://host[:port]/path?query". Scheme is lower case; path begins with '/'.
struct AbsoluteUri {
    std::string scheme;
    Target target;
    std::string path_and_query;
};
// Errors: malformed (no scheme, user info, bad authority).
Result<AbsoluteUri> parse_absolute_uri(std::string_view uri);

// "/v1/messages" of "/v1/messages?beta=true".
std::string_view path_of(std::string_view request_target);

// A complete response of ours with Content-Length, Connection: close, plain text body and
// `x-halton-reason`. The body is one clear line with the next command to type.
std::string make_error_response(int status, std::string_view reason_phrase,
                                std::string_view halton_reason, std::string_view body);

}  // namespace halton::http
