// Authority: the per-install certificate authority, and the leaves it signs.
// Root: P-256, random, critical name constraints (only the metered hosts), ten years.
// Leaves: P-256, one key in memory for all, 7 days, back-dated a day against clock skew.
// Fails: as values; texts from disk are bad input, not bugs.
// Thread: const after making, so any thread; LeafCache has its own mutex.
// Limits: leaf_cache_count_max.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>  // callers hold contexts, and need no other header for that

#include "base/clock.h"
#include "base/result.h"

namespace halton::tls {

// PEM texts as they stand on disk.
struct AuthorityFiles {
    std::string certificate_pem;
    std::string key_pem;
};

// A new root that may sign exactly `hosts` (lower-case DNS names, each with its subdomains, and IP
// literals) and no other address. Errors: malformed (no hosts, or one that is neither), io.
Result<AuthorityFiles> make_authority(const std::vector<std::string>& hosts, UtcTime now);

class Authority {
public:
    // Errors: malformed (not PEM, key does not fit, encrypted key, not a CA), io.
    static Result<std::shared_ptr<const Authority>> load(const AuthorityFiles& files);
    ~Authority();

    // Whether the root's name constraints permit all of `hosts` and it is valid now and for 30
    // more days: if not, a new root must be made. A root without constraints covers nothing.
    bool covers(const std::vector<std::string>& hosts, UtcTime now) const;

    // Lower-case hex SHA-256 of the certificate.
    std::string fingerprint() const;

    // "Halton Meter local CA 1f2e3d4c": the name as trust stores show it.
    const std::string& common_name() const;

    // Server context for `host` (a DNS name or IP literal): TLS 1.2 and 1.3, tickets, no client
    // certificate. It sends the leaf alone: the root is the client's trust anchor and needs no
    // sending. Signs whatever it is asked for; the constraints are the client's to enforce, so
    // ask covers() first. ALPN is left to the caller. Errors: io.
    Result<bssl::UniquePtr<SSL_CTX>> make_leaf_context(std::string_view host, UtcTime now) const;

private:
    Authority();
    struct State;
    std::unique_ptr<State> state_;
};

// Minted contexts by host, the least recently used out; renewed a day before expiry, and when the
// clock was set back to before the leaf.
class LeafCache {
public:
    // `clock` outlives the cache.
    LeafCache(std::shared_ptr<const Authority> authority, const Clock& clock);
    ~LeafCache();

    // A reference of the caller's own; it outlives the cache's. Errors: as make_leaf_context.
    Result<bssl::UniquePtr<SSL_CTX>> find_or_make(std::string_view host);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton::tls
