#include "tls/session_cache.h"

#include <list>
#include <map>
#include <mutex>
#include <vector>

#include <openssl/ssl.h>

#include "base/limits.h"

namespace halton::tls {
namespace {

struct Peer {
    std::string key;
    std::vector<bssl::UniquePtr<SSL_SESSION>> sessions;  // oldest first, never empty
};

}  // namespace

std::string session_key(std::string_view host, unsigned port,
                        const std::vector<std::string>& alpn) {
    std::string key(host);
    key += ':';
    key += std::to_string(port);
    for (const std::string& name : alpn) {
        // ALPN names are any bytes, so their length keeps two lists apart.
        key += ' ';
        key += std::to_string(name.size());
        key += ':';
        key += name;
    }
    return key;
}

struct SessionCache::State {
    using Place = std::list<Peer>::iterator;

    std::mutex mutex;
    std::list<Peer> peers;  // most recently used first
    std::map<std::string, Place, std::less<>> by_key;
    std::size_t session_count = 0;

    // The session goes last, so that a full cache never drops what it was just given.
    void drop_oldest(Place peer) {
        peer->sessions.erase(peer->sessions.begin());
        --session_count;
        if (peer->sessions.empty()) erase(peer);
    }

    void erase(Place peer) {
        session_count -= peer->sessions.size();
        by_key.erase(peer->key);
        peers.erase(peer);
    }
};

SessionCache::SessionCache() : state_(std::make_unique<State>()) {}
SessionCache::~SessionCache() = default;

void SessionCache::put(std::string_view key, bssl::UniquePtr<SSL_SESSION> session) {
    if (!session || !SSL_SESSION_is_resumable(session.get())) return;
    const std::lock_guard lock(state_->mutex);
    auto found = state_->by_key.find(key);
    if (found == state_->by_key.end()) {
        state_->peers.push_front({std::string(key), {}});
        found = state_->by_key.emplace(key, state_->peers.begin()).first;
    } else {
        state_->peers.splice(state_->peers.begin(), state_->peers, found->second);
    }
    const auto peer = found->second;
    if (!SSL_SESSION_should_be_single_use(session.get())) {
        // One TLS 1.2 session serves any number of connections; the former one is of no use.
        state_->session_count -= peer->sessions.size();
        peer->sessions.clear();
    }
    peer->sessions.push_back(std::move(session));
    ++state_->session_count;
    if (peer->sessions.size() > limits::sessions_per_peer_max) state_->drop_oldest(peer);
    if (state_->session_count > limits::session_cache_count_max)
        state_->drop_oldest(std::prev(state_->peers.end()));
}

bssl::UniquePtr<SSL_SESSION> SessionCache::take(std::string_view key) {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->by_key.find(key);
    if (found == state_->by_key.end()) return nullptr;
    const auto peer = found->second;
    state_->peers.splice(state_->peers.begin(), state_->peers, peer);
    if (!SSL_SESSION_should_be_single_use(peer->sessions.back().get()))
        return bssl::UpRef(peer->sessions.back());
    auto session = std::move(peer->sessions.back());
    peer->sessions.pop_back();
    --state_->session_count;
    if (peer->sessions.empty()) state_->erase(peer);
    return session;
}

void SessionCache::forget(std::string_view key) {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->by_key.find(key);
    if (found != state_->by_key.end()) state_->erase(found->second);
}

}  // namespace halton::tls
