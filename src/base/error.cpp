#include "base/error.h"

namespace halton {

std::string_view name_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::closed: return "closed";
        case ErrorKind::reset: return "reset";
        case ErrorKind::refused: return "refused";
        case ErrorKind::unreachable: return "unreachable";
        case ErrorKind::timeout: return "timeout";
        case ErrorKind::cancelled: return "cancelled";
        case ErrorKind::dns: return "dns";
        case ErrorKind::tls_alert: return "tls_alert";
        case ErrorKind::tls_verify: return "tls_verify";
        case ErrorKind::tls_protocol: return "tls_protocol";
        case ErrorKind::malformed: return "malformed";
        case ErrorKind::too_large: return "too_large";
        case ErrorKind::unsupported: return "unsupported";
        case ErrorKind::not_found: return "not_found";
        case ErrorKind::permission: return "permission";
        case ErrorKind::io: return "io";
        case ErrorKind::busy: return "busy";
    }
    return "unknown";
}

std::string_view name_of(Leg leg) {
    switch (leg) {
        case Leg::local: return "local";
        case Leg::client: return "client";
        case Leg::upstream: return "upstream";
        case Leg::daemon: return "daemon";
    }
    return "unknown";
}

std::string to_text(const Error& error) {
    std::string text(name_of(error.leg));
    text += ' ';
    text += name_of(error.kind);
    if (!error.context.empty()) {
        text += ": ";
        text += error.context;
    }
    return text;
}

}  // namespace halton
