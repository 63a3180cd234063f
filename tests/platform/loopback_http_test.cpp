#include "platform/loopback_http.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "support/catch.h"

using namespace halton;
using std::chrono::milliseconds;

namespace {

// A server process that answers the first connection with fixed bytes and then stays silent.
class Server {
public:
    Server(const std::string& answer, bool closes) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
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
        const int client = ::accept(socket_, nullptr, nullptr);
        char request[4096];
        if (::read(client, request, sizeof request) <= 0) ::_exit(1);
        for (const char c : answer)
            if (::write(client, &c, 1) != 1) ::_exit(1);
        if (!closes) ::sleep(60);
        ::_exit(0);
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

TEST_CASE("loopback http: status and body, by length or by the server's close") {
    const Server by_length("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false);
    auto answer = platform::get_loopback(by_length.port, "/health", generous);
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == "ok");
    const Server by_close("HTTP/1.1 503 Busy\r\n\r\nnot yet", true);
    answer = platform::get_loopback(by_close.port, "/health", generous);
    REQUIRE(answer);
    CHECK(answer->status == 503);
    CHECK(answer->body == "not yet");
}

TEST_CASE("loopback http: failures are told apart") {
    const Server silent("", false);
    CHECK(platform::get_loopback(silent.port, "/", milliseconds(50)).error().kind ==
          ErrorKind::timeout);
    CHECK(platform::is_listening(silent.port, generous));
    const Server odd("SSH-2.0-x\r\n\r\n", true);
    CHECK(platform::get_loopback(odd.port, "/", generous).error().kind == ErrorKind::malformed);
    const Server cut("HTTP/1.1 200 O", true);
    CHECK(platform::get_loopback(cut.port, "/", generous).error().kind == ErrorKind::malformed);
    std::uint16_t gone = 0;
    {
        const Server closed("", true);
        gone = closed.port;
    }
    CHECK(platform::get_loopback(gone, "/", generous).error().kind == ErrorKind::refused);
    CHECK_FALSE(platform::is_listening(gone, generous));
    CHECK_FALSE(platform::is_listening(0, generous));
}
