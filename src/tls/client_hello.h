// ClientHello: what the first bytes of a TLS client say, read without answering them.
// In:    all bytes of the connection so far; a hello may be split over TLS records and reads.
// Out:   server name, ALPN list, whether an encrypted hello is offered.
// Fails: never. What cannot become a ClientHello is not_tls, and stays so with more bytes.
// Thread: plain function. Limits: client_hello_bytes_max, counted with the record headers.
// RFC 8446 section 4.1.2, RFC 6066 section 3 (SNI), RFC 7301 (ALPN), RFC 9849 (ECH).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace halton::tls {

struct ClientHello {
    // Lower case, no trailing dot; empty when absent or when it is no host name at all.
    std::string server_name;
    std::vector<std::string> alpn;  // in the client's order, GREASE values included
    bool has_alpn = false;
    // Also true for the dummy extension that browsers send to every server; the real server name
    // may then be a hidden one.
    bool has_encrypted_client_hello = false;
    // Which TLS library with which settings wrote it: 16 hex digits over the cipher suites, the
    // kinds of extensions and the protocols. The same for every connection of one client, whatever
    // it resumes, pads or shuffles.
    std::string stack;
};

enum class HelloState { need_more, complete, not_tls };

struct HelloRead {
    HelloState state = HelloState::need_more;
    ClientHello hello;  // holds when complete
};

// Bytes after the hello are not looked at. The verdict does not depend on how the bytes were cut:
// need_more turns once into complete or not_tls.
HelloRead read_client_hello(std::string_view bytes);

}  // namespace halton::tls
