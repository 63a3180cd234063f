#include "proxy/self_test.h"

#include "meter/hosts.h"
#include "net/task_group.h"
#include "support/catch.h"
#include "support/tls_peer.h"

using namespace halton;
using namespace halton::test;

TEST_CASE("proxy self-test: answers over TLS with a leaf of ours, and ends politely") {
    Io io;
    const std::string host(meter::self_test_host);
    TlsWorld keys({host});
    tls::LeafCache leaves{keys.authority, system_clock()};
    const Limits limits = generous_limits();
    auto pair = make_tcp_pair();
    net::TaskGroup tasks{io.context.get_executor()};
    tasks.spawn("self-test",
                proxy::answer_self_test(to_stream(io, std::move(pair.a)), {}, leaves, limits));
    TlsPeer client(to_stream(io, std::move(pair.b)), keys.make_client(host, {"http/1.1"}));
    REQUIRE(io.run(client.shake_hands()));
    REQUIRE(io.run(client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
    io.run(client.read_until(100));
    CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(client.received.find("self-test") != std::string::npos);
}

TEST_CASE("proxy self-test: whatever is no TLS just ends") {
    Io io;
    TlsWorld keys({std::string(meter::self_test_host)});
    tls::LeafCache leaves{keys.authority, system_clock()};
    const Limits limits = generous_limits();
    auto pair = make_tcp_pair();
    net::TaskGroup tasks{io.context.get_executor()};
    tasks.spawn("self-test", proxy::answer_self_test(to_stream(io, std::move(pair.a)),
                                                     "GET / HTTP/1.1\r\n\r\n", leaves, limits));
    io.until([&] { return tasks.size() == 0; });
    CHECK(tasks.size() == 0);
}
