// Error: what went wrong, on which side, as a value.
// Kinds are few on purpose: code branches on the kind, people read the context.
// Thread: plain value. The context never holds bodies, keys or cookies.
#pragma once

#include <string>
#include <string_view>

namespace halton {

enum class ErrorKind {
    closed,        // orderly end of stream where more was needed
    reset,         // the peer tore the connection down
    refused,       // nobody listens there
    unreachable,   // no route, network down
    timeout,       // a limit of base/limits.h ran out
    cancelled,     // our own side gave up (shutdown, the other direction failed)
    dns,           // the name could not be resolved
    tls_alert,     // the peer sent a fatal TLS alert
    tls_verify,    // the peer's certificate does not verify
    tls_protocol,  // TLS bytes that make no sense
    malformed,     // input that breaks its format
    too_large,     // input beyond its limit
    unsupported,   // well-formed, but not something we do
    not_found,     // a file, row or name is not there
    permission,    // the system said no
    io,            // disk or system call failed in another way
    busy,          // a bounded queue or resource is full
};

// Which side of the call failed; stamped by the stream that failed.
enum class Leg { local, client, upstream, daemon };

struct Error {
    ErrorKind kind = ErrorKind::io;
    Leg leg = Leg::local;
    std::string context;  // one short sentence with values
};

// Lower-case name as written to logs: "timeout", "tls_verify", ...
std::string_view name_of(ErrorKind kind);
std::string_view name_of(Leg leg);

// "upstream timeout: connect to api.example.com:443"
std::string to_text(const Error& error);

}  // namespace halton
