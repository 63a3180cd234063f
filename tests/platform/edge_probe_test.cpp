// Against the real edge and daemon: tests/e2e/life_cycle.py. Here: what answers otherwise.
#include "platform/edge_probe.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "support/catch.h"

using namespace halton;
using std::chrono::milliseconds;

namespace {

// A process that gives each connection the same answer.
class Server {
public:
    explicit Server(const std::string& answer) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(socket_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(socket_, 4);
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
        port = ntohs(address.sin_port);
        child_ = ::fork();
        if (child_ != 0) return;
        for (;;) {
            const int client = ::accept(socket_, nullptr, nullptr);
            char request[4096];
            if (::read(client, request, sizeof request) <= 0) ::_exit(1);
            if (::write(client, answer.data(), answer.size()) < 0) ::_exit(1);
            ::shutdown(client, SHUT_WR);
            while (::read(client, request, sizeof request) > 0) {
            }
            ::close(client);
        }
    }
    ~Server() {
        ::close(socket_);
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    std::uint16_t port = 0;

private:
    int socket_;
    int child_ = -1;
};

constexpr milliseconds generous{20'000};

}  // namespace

TEST_CASE("edge probe: only our edge is taken for one") {
    const Server edge("HTTP/1.1 400 Bad Request\r\nx-halton-reason: not-a-proxy-request\r\n\r\n");
    CHECK(platform::is_edge(edge.port, generous));
    const Server web("HTTP/1.1 200 OK\r\n\r\nhello");
    CHECK_FALSE(platform::is_edge(web.port, generous));
    const Server odd("SSH-2.0-x\r\n");
    CHECK_FALSE(platform::is_edge(odd.port, generous));
    CHECK_FALSE(platform::is_edge(1, milliseconds(500)));
}

TEST_CASE("edge probe: the answer to CONNECT is told with its reason") {
    const Server refusing("HTTP/1.1 502 Bad Gateway\r\nx-halton-reason: upstream-dns\r\n\r\n");
    const auto answer = platform::connect_through(refusing.port, "a.invalid", generous);
    REQUIRE(answer);
    CHECK(answer->status == 502);
    CHECK(answer->reason == "upstream-dns");
    const auto call = platform::call_through(refusing.port, "a.invalid", {}, generous);
    REQUIRE_FALSE(call);
    CHECK(call.error().kind == ErrorKind::unsupported);
    CHECK(call.error().context.find("upstream-dns") != std::string::npos);
}
