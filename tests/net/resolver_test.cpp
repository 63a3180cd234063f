#include "net/resolver.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <asio/detached.hpp>

#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using namespace halton::test;
using asio::ip::make_address;
using Addresses = std::vector<asio::ip::address>;

namespace {

// A name of the hosts file that is no form of localhost, with its IPv4 address.
struct HostsEntry {
    std::string name;
    asio::ip::address address;
};

std::optional<HostsEntry> find_hosts_entry() {
    std::ifstream file("/etc/hosts");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string address;
        std::string name;
        words >> address >> name;
        std::error_code error;
        const auto parsed = make_address(address, error);
        if (!error && parsed.is_v4() && !name.empty() && !name.starts_with("localhost"))
            return HostsEntry{name, parsed};
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("resolver: families take turns, IPv6 first") {
    const auto a4 = make_address("192.0.2.1");
    const auto b4 = make_address("192.0.2.2");
    const auto a6 = make_address("2001:db8::1");
    const auto b6 = make_address("2001:db8::2");
    const auto c6 = make_address("2001:db8::3");
    CHECK(net::interleave({a6, b6, c6}, {a4, b4}) == Addresses{a6, a4, b6, b4, c6});
    CHECK(net::interleave({a6}, {a4, b4}) == Addresses{a6, a4, b4});
    CHECK(net::interleave({}, {a4, b4}) == Addresses{a4, b4});
    CHECK(net::interleave({a6, b6}, {}) == Addresses{a6, b6});
    CHECK(net::interleave({}, {}).empty());
}

TEST_CASE("resolver: addresses and localhost need no query") {
    Io io;
    net::Resolver resolver(io.context);
    const auto resolve = [&](const char* host) {
        const auto found = io.run(resolver.resolve(host, safety));
        REQUIRE(found);
        return *found;
    };
    CHECK(resolve("192.0.2.7") == Addresses{make_address("192.0.2.7")});
    CHECK(resolve("2001:db8::7") == Addresses{make_address("2001:db8::7")});
    for (const char* name : {"localhost", "api.localhost", "a.b.localhost"}) {
        INFO(name);
        const auto found = resolve(name);
        REQUIRE(found.size() == 2);
        for (const auto& address : found) CHECK(address.is_loopback());
        CHECK(found[0].is_v4() != found[1].is_v4());
    }
}

TEST_CASE("resolver: a name that must never be asked for fails with the resolver's word") {
    Io io;
    net::Resolver resolver(io.context);
    const auto found = io.run(resolver.resolve("secret.onion", safety));  // RFC 7686
    REQUIRE_FALSE(found);
    CHECK(found.error().kind == ErrorKind::dns);
    CHECK(found.error().leg == Leg::upstream);
    CHECK(found.error().context.starts_with("secret.onion: "));
}

TEST_CASE("resolver: nobody's names are not asked for") {
    Io io;
    net::Resolver resolver(io.context);
    for (const std::string& name : {std::string("invalid"), std::string("a.b.invalid")}) {
        const auto found = io.run(resolver.resolve(name, safety));
        REQUIRE_FALSE(found);
        CHECK(found.error().kind == ErrorKind::dns);
        CHECK(found.error().context == name + ": such a name never exists");
    }
    CHECK_FALSE(net::is_nobody("invalid.example"));
    CHECK_FALSE(net::is_nobody("notinvalid"));
}

TEST_CASE("resolver: names that are no names are errors") {
    Io io;
    net::Resolver resolver(io.context);
    for (const std::string& name : {std::string(300, 'a') + ".onion", std::string("a..onion")}) {
        const auto found = io.run(resolver.resolve(name, safety));
        REQUIRE_FALSE(found);
        CHECK(found.error().kind == ErrorKind::dns);
    }
}

TEST_CASE("resolver: names of the hosts file, many at once, also when the resolver ends first") {
    const auto entry = find_hosts_entry();
    if (!entry) {
        WARN("the hosts file has no name to look up");
        return;
    }
    Io io;
    auto resolver = std::make_unique<net::Resolver>(io.context);
    int found_count = 0;
    const auto look_up = [&](std::string name) -> asio::awaitable<void> {
        const auto found = co_await resolver->resolve(std::move(name), safety);
        const bool is_found =
            found && std::find(found->begin(), found->end(), entry->address) != found->end();
        if (is_found) ++found_count;
    };
    for (int i = 0; i < 5; ++i) asio::co_spawn(io.context, look_up(entry->name), asio::detached);
    io.settle();
    resolver.reset();
    io.until([&] { return found_count == 5; });
    // The query for the other family may still be under way when all of this ends.
}
