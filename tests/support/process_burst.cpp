// process_burst: many processes that each make one metered call, started evenly over a short time:
// what agents do that start a tool for each step. Each has a working directory of its own and ends
// at once. At the end one line of JSON tells how long their tunnels and handshakes took.
//   process_burst --port EDGE --ca FILE --folders DIR [--processes 200] [--over-ms 1000] [--leave]
// --leave: they end as soon as the request is sent, without waiting for the answer.
// DIR holds p0, p1, ...; process n works in the one with its number.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* host = "api.anthropic.com";

struct Options {
    std::uint16_t port = 0;
    std::string ca_file;
    std::string folders;
    int processes = 200;
    int over_ms = 1'000;
    bool leaves = false;
};

// What one process found; written to a pipe in one piece.
struct Figures {
    std::int64_t tunnel_us = -1;     // until the proxy said 200
    std::int64_t handshake_us = -1;  // from there on
    int status = 0;
};

std::int64_t us_since(Clock::time_point begun) {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count();
}

bool send_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool open_tunnel(int socket, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
    const std::string target = std::string(host) + ":443";
    if (!send_all(socket, "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n"))
        return false;
    std::string head;
    char byte = 0;
    while (head.find("\r\n\r\n") == std::string::npos && ::recv(socket, &byte, 1, 0) == 1)
        head += byte;
    return head.rfind("HTTP/1.1 200", 0) == 0;
}

Figures make_call(const Options& options, SSL_CTX* context, int number) {
    Figures figures;
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto begun = Clock::now();
    if (!open_tunnel(socket, options.port)) return figures;
    figures.tunnel_us = us_since(begun);
    begun = Clock::now();
    SSL* tls = SSL_new(context);
    SSL_set_fd(tls, socket);
    SSL_set_tlsext_host_name(tls, host);
    if (SSL_connect(tls) != 1) return figures;
    figures.handshake_us = us_since(begun);
    const std::string body = "{\"model\":\"claude-p" + std::to_string(number) + "\"}";
    const std::string request = std::string("POST /v1/messages HTTP/1.1\r\nhost: ") + host +
                                "\r\nx-test-model: claude-p" + std::to_string(number) +
                                "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                body;
    if (SSL_write(tls, request.data(), static_cast<int>(request.size())) <= 0) return figures;
    if (options.leaves) return figures;
    char answer[4096];
    const int size = SSL_read(tls, answer, sizeof answer);
    if (size > 12) figures.status = std::atoi(answer + 9);
    return figures;
}

std::int64_t at_percent(std::vector<std::int64_t>& values, int percent) {
    if (values.empty()) return -1;
    std::sort(values.begin(), values.end());
    return values[std::min(values.size() - 1,
                           values.size() * static_cast<std::size_t>(percent) / 100)];
}

bool parse(int argc, char** argv, Options& options) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--leave") {
            options.leaves = true;
            continue;
        }
        if (i + 1 == argc) return false;
        const char* value = argv[++i];
        if (word == "--port")
            options.port = static_cast<std::uint16_t>(std::atoi(value));
        else if (word == "--ca")
            options.ca_file = value;
        else if (word == "--folders")
            options.folders = value;
        else if (word == "--processes")
            options.processes = std::atoi(value);
        else if (word == "--over-ms")
            options.over_ms = std::atoi(value);
        else
            return false;
    }
    return options.port != 0 && !options.ca_file.empty() && options.processes > 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    if (!parse(argc, argv, options)) {
        std::fprintf(stderr, "process_burst: see the head of its source for its options\n");
        return 2;
    }
    // Made once: a process costs a fork and its handshake then.
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) return 1;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    int ends[2];
    if (::pipe(ends) != 0) return 1;
    const auto begun = Clock::now();
    std::vector<pid_t> children;
    for (int i = 0; i < options.processes; ++i) {
        std::this_thread::sleep_until(
            begun + std::chrono::microseconds(1'000LL * options.over_ms * i / options.processes));
        const pid_t child = ::fork();
        if (child < 0) break;
        if (child > 0) {
            children.push_back(child);
            continue;
        }
        const std::string folder = options.folders + "/p" + std::to_string(i);
        if (!options.folders.empty() && ::chdir(folder.c_str()) != 0) ::_exit(3);
        const Figures figures = make_call(options, context, i);
        const auto written = ::write(ends[1], &figures, sizeof figures);
        ::_exit(written == sizeof figures ? 0 : 4);
    }
    ::close(ends[1]);
    const auto started_ms = us_since(begun) / 1'000;
    std::vector<std::int64_t> tunnels, handshakes;
    int answered = 0;
    Figures figures;
    while (::read(ends[0], &figures, sizeof figures) == sizeof figures) {
        if (figures.tunnel_us >= 0) tunnels.push_back(figures.tunnel_us);
        if (figures.handshake_us >= 0) handshakes.push_back(figures.handshake_us);
        answered += figures.status == 200;
    }
    for (const pid_t child : children) ::waitpid(child, nullptr, 0);
    std::printf(
        "{\"processes\":%zu,\"started_within_ms\":%lld,\"tunnels\":%zu,\"handshakes\":%zu,"
        "\"answered\":%d,\"tunnel_p50_us\":%lld,\"tunnel_p99_us\":%lld,"
        "\"handshake_p50_us\":%lld,\"handshake_p99_us\":%lld}\n",
        children.size(), static_cast<long long>(started_ms), tunnels.size(), handshakes.size(),
        answered, static_cast<long long>(at_percent(tunnels, 50)),
        static_cast<long long>(at_percent(tunnels, 99)),
        static_cast<long long>(at_percent(handshakes, 50)),
        static_cast<long long>(at_percent(handshakes, 99)));
    return 0;
}
