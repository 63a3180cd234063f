#include "api/reasons.h"

#include <array>

namespace halton::api {
namespace {

// clang-format off
constexpr std::array passthrough_table{
    Reason{"not-metered", "the host is no model provider's", ""},
    Reason{"not-tls", "the client spoke something else than TLS", ""},
    Reason{"no-sni", "the client did not name the server it wants", ""},
    Reason{"unknown-sni", "the server that the client named is no model provider's", ""},
    Reason{"sni-differs", "the client named another server than it connected to", ""},
    Reason{"client-refuses", "the client does not take our certificate, so its connections are left alone", "halton-meter doctor"},
    Reason{"client-refused", "the client refused our certificate; its next connection passes unread", "halton-meter doctor"},
    Reason{"client-certificate-asked", "the server asks for the client's own certificate", ""},
    Reason{"upstream-unverified", "the server's certificate does not verify; the client judges it itself", "halton-meter doctor"},
    Reason{"upstream-handshake", "the TLS handshake with the server failed", "halton-meter doctor"},
    Reason{"upstream-unreachable", "the server could not be reached", ""},
    Reason{"other-protocol", "client and server agreed on a protocol that is not followed", ""},
    Reason{"other-user", "the client belongs to another user of this machine", ""},
    Reason{"no-leaf", "no certificate could be made for the host", "halton-meter doctor"},
    Reason{"no-memory", "memory ran out", ""},
};

constexpr std::array error_table{
    Reason{"rate_limit", "throttled", "back off and retry, or spread the calls"},
    Reason{"server_error", "the provider's fault, or it is overloaded", "wait and retry; look at the provider's status page"},
    Reason{"bad_request", "the request was not accepted as it is", "fix the caller; the same again fails again"},
    Reason{"context_length_exceeded", "the prompt is too long for the model", "send less, or take a model with a larger window"},
    Reason{"auth", "the credentials were not accepted", "fix or renew the key"},
    Reason{"permission", "the key may not do this", "have the key allowed, or use another one"},
    Reason{"quota_exceeded", "the balance or the quota is used up", "fix the billing, or wait for the reset"},
    Reason{"timeout", "the provider took longer than its deadline", "send less, then retry"},
    Reason{"network", "the provider was not reached", "check the network, then retry"},
    Reason{"unknown", "no rule knows this failure", "look at the provider's code and the status"},
};
// clang-format on

template <std::size_t count>
const Reason* find(const std::array<Reason, count>& table, std::string_view word) {
    for (const Reason& reason : table)
        if (reason.word == word) return &reason;
    return nullptr;
}

}  // namespace

std::span<const Reason> passthrough_reasons() { return passthrough_table; }
std::span<const Reason> error_reasons() { return error_table; }

Reason describe_passthrough(std::string_view word) {
    const auto* reason = find(passthrough_table, word);
    return reason != nullptr ? *reason : Reason{word, word, {}};
}

Reason describe_error(std::string_view error_class) {
    const auto* reason = find(error_table, error_class);
    return reason != nullptr ? *reason : *find(error_table, "unknown");
}

}  // namespace halton::api
