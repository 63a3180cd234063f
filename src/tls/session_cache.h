// SessionCache: sessions of upstream servers, so that the next connection need not verify again.
// In:    sessions from handshakes that were verified, and only those: resuming skips verification.
// Out:   at most one session for a connection attempt. Nothing is ever written to disk.
// Fails: never; an empty answer means a full handshake.
// Thread: any; one private mutex. Limits: session_cache_count_max, sessions_per_peer_max.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/base.h>

namespace halton::tls {

// What two connections must share so that one may resume the other's session: the address by name
// and the ALPN list, as a server may answer another list with another certificate.
std::string session_key(std::string_view host, unsigned port, const std::vector<std::string>& alpn);

class SessionCache {
public:
    SessionCache();
    ~SessionCache();
    SessionCache(const SessionCache&) = delete;
    SessionCache& operator=(const SessionCache&) = delete;

    // Keeps the session; sessions that cannot be resumed are let go. When full, the oldest of the
    // least recently used key goes.
    void put(std::string_view key, bssl::UniquePtr<SSL_SESSION> session);

    // The newest session of the key, or null. A TLS 1.3 ticket is for one use and leaves the
    // cache; a TLS 1.2 session stays. Whether it is still in time, the handshake checks itself.
    bssl::UniquePtr<SSL_SESSION> take(std::string_view key);

    // Forgets what is kept for the key: a resumption failed, or the server is not trusted any more.
    void forget(std::string_view key);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton::tls
