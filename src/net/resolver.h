// Resolver: names to addresses through c-ares, also in a fully static binary. Reads the hosts file
// and the system's resolver configuration, and reads the latter again when it changes.
// Nothing is cached: the system's resolver does that, and a changed network is seen at once.
// Owner: the role. Thread: the I/O thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>

#include "base/limits.h"
#include "base/result.h"

namespace halton::net {

// "invalid" and what ends so is nobody's name (RFC 6761 section 6.4): not asked for, anywhere.
bool is_nobody(std::string_view host);

class Resolver {
public:
    explicit Resolver(asio::io_context& io);
    ~Resolver();

    // Addresses in the order to try them: families interleaved, IPv6 first (RFC 8305 section 4).
    // Literals and "localhost" (RFC 6761) need no query. Errors: dns (with the resolver's word),
    // timeout.
    asio::awaitable<Result<std::vector<asio::ip::address>>> resolve(
        std::string host, std::chrono::milliseconds limit);

private:
    struct Channel;
    std::shared_ptr<Channel> channel();

    asio::io_context& io_;
    std::shared_ptr<Channel> channel_;
    std::int64_t configured_at_ = -1;
};

// Interleaves the two families, IPv6 first. Pure.
std::vector<asio::ip::address> interleave(const std::vector<asio::ip::address>& v6,
                                          const std::vector<asio::ip::address>& v4);

}  // namespace halton::net
