// connect_load: many new connections a second to a proxy, each with a CONNECT, a few bytes through
// the tunnel and back, and its end; beside them tunnels that stay open and are used. It counts what
// a client would have noticed: a connection refused or reset, an answer that is not 200, a tunnel
// that was cut. At the end (--seconds, or SIGTERM) it prints one line of JSON. --help lists the
// rest.
//
// One thread and one poll(2); the echo at the other end of the tunnels is a process of its own.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Longer than anything that the program under test waits for before it takes another way.
constexpr std::chrono::seconds answer_limit{30};
constexpr milliseconds tunnel_pause{100};
// When the machine is too slow for the rate: more than this many at once measure the machine.
constexpr std::size_t open_connections_max = 2'000;

struct Options {
    std::uint16_t port = 0;
    double rate = 1'000;
    int tunnels = 20;
    double seconds = 0;  // 0: until a signal
    std::string target;  // host:port to CONNECT to; empty: the echo
    std::uint16_t echo_port = 0;
    std::string ready_file;
};

volatile std::sig_atomic_t is_over = 0;

struct Counts {
    std::uint64_t attempts = 0, completed = 0, refused = 0, reset = 0, ended = 0, bad_status = 0,
                  timeouts = 0, tunnels_opened = 0, tunnels_cut = 0, pings = 0;
    std::string first_failure;
    std::vector<std::uint32_t> times_us;  // of completed connections

    std::uint64_t failures() const {
        return refused + reset + ended + bad_status + timeouts + tunnels_cut;
    }
};

// A socket that is closed with its owner.
class Socket {
public:
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    int get() const { return descriptor_; }

private:
    int descriptor_;
};

sockaddr_in to_loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int make_socket() {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0) return descriptor;
    ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return descriptor;
}

// The far end ------------------------------------------------------------------------------------

struct EchoPeer {
    explicit EchoPeer(int descriptor) : socket(descriptor) {}
    Socket socket;
    std::string waiting;
    bool is_done = false;

    void run() {
        char buffer[4096];
        for (;;) {
            const auto size = ::recv(socket.get(), buffer, sizeof buffer, 0);
            if (size > 0) {
                waiting.append(buffer, static_cast<std::size_t>(size));
                continue;
            }
            if (size == 0 || (errno != EAGAIN && errno != EINTR)) is_done = true;
            break;
        }
        while (!waiting.empty()) {
            const auto size = ::send(socket.get(), waiting.data(), waiting.size(), 0);
            if (size <= 0) break;
            waiting.erase(0, static_cast<std::size_t>(size));
        }
    }
};

[[noreturn]] void run_echo(int listener) {
    std::vector<std::unique_ptr<EchoPeer>> peers;
    std::vector<pollfd> polls;
    for (;;) {
        polls.assign(1, {listener, POLLIN, 0});
        for (const auto& peer : peers)
            polls.push_back({peer->socket.get(),
                             static_cast<short>(peer->waiting.empty() ? POLLIN : POLLIN | POLLOUT),
                             0});
        if (::poll(polls.data(), static_cast<nfds_t>(polls.size()), 1'000) < 0 && errno != EINTR)
            std::_Exit(1);
        if (::getppid() == 1 && polls.size() == 1) std::_Exit(0);
        for (std::size_t i = 1; i < polls.size(); ++i)
            if (polls[i].revents) peers[i - 1]->run();
        std::erase_if(peers, [](const auto& peer) { return peer->is_done; });
        if (!(polls[0].revents & POLLIN)) continue;
        for (int next; (next = ::accept(listener, nullptr, nullptr)) >= 0;) {
            ::fcntl(next, F_SETFL, O_NONBLOCK);
            peers.push_back(std::make_unique<EchoPeer>(next));
        }
    }
}

struct Echo {
    std::uint16_t port = 0;
    pid_t pid = -1;
};

std::optional<Echo> start_echo(std::uint16_t port) {
    const int listener = make_socket();
    auto address = to_loopback(port);
    socklen_t size = sizeof address;
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener, 4'096) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return std::nullopt;
    Echo echo{ntohs(address.sin_port), ::fork()};
    if (echo.pid == 0) {
        std::signal(SIGTERM, SIG_DFL);
        run_echo(listener);
    }
    ::close(listener);
    return echo;
}

// The clients ------------------------------------------------------------------------------------

constexpr std::string_view ping = "ping-0123456789\n";

class Client {
public:
    enum class State { connecting, asking, in_tunnel, resting, over };

    Client(const Options& options, std::string target, bool stays, Counts& counts)
        : socket_(make_socket()), stays_(stays), counts_(counts), began_(Clock::now()) {
        asked_ = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n";
        if (!stays_) ++counts_.attempts;
        const auto address = to_loopback(options.port);
        if (socket_.get() < 0)
            fail(errno, "socket");
        else if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                           sizeof address) != 0 &&
                 errno != EINPROGRESS)
            fail(errno, "connect");
    }

    bool is_over() const { return state_ == State::over; }
    int descriptor() const { return socket_.get(); }
    short wanted_events() const {
        return static_cast<short>(state_ == State::connecting || !asked_.empty() ? POLLIN | POLLOUT
                                                                                 : POLLIN);
    }

    void run(Clock::time_point now, short events) {
        if (state_ == State::resting && now >= next_ping_) begin_ping(now);
        if (state_ != State::resting && now - began_ > answer_limit) {
            ++counts_.timeouts;
            end("timeout");
            return;
        }
        if (!events) return;
        if (state_ == State::connecting) {
            int error = 0;
            socklen_t size = sizeof error;
            ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
            if (error) return fail(error, "connect");
            state_ = State::asking;
        }
        while (!asked_.empty()) {
            const auto size = ::send(socket_.get(), asked_.data(), asked_.size(), 0);
            if (size < 0) {
                if (errno != EAGAIN && errno != EINTR) return fail(errno, "send");
                break;
            }
            asked_.erase(0, static_cast<std::size_t>(size));
        }
        receive(now);
    }

private:
    void begin_ping(Clock::time_point now) {
        state_ = State::in_tunnel;
        began_ = now;
        answer_.clear();
        asked_ = ping;
    }

    void receive(Clock::time_point now) {
        char buffer[4096];
        for (;;) {
            const auto size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
            if (size < 0) {
                if (errno != EAGAIN && errno != EINTR) fail(errno, "receive");
                return;
            }
            if (size == 0) {
                ++(is_tunnel_ ? counts_.tunnels_cut : counts_.ended);
                return end("the connection ended");
            }
            answer_.append(buffer, static_cast<std::size_t>(size));
            if (state_ == State::asking && !read_head(now)) return;
            if (state_ == State::in_tunnel && answer_.size() >= ping.size()) {
                take_pong(now);
                if (is_over()) return;
            }
        }
    }

    bool read_head(Clock::time_point now) {
        if (answer_.find("\r\n\r\n") == std::string::npos) return answer_.size() < 16'384;
        if (!answer_.starts_with("HTTP/1.1 200")) {
            ++counts_.bad_status;
            end(answer_.substr(0, answer_.find('\r')));
            return false;
        }
        const auto began = began_;
        begin_ping(now);
        began_ = began;  // the time of the whole counts
        const auto size = ::send(socket_.get(), asked_.data(), asked_.size(), 0);
        if (size > 0) asked_.erase(0, static_cast<std::size_t>(size));
        return true;
    }

    void take_pong(Clock::time_point now) {
        if (answer_ != ping) {
            ++counts_.reset;
            return end("other bytes came back");
        }
        if (!stays_) {
            ++counts_.completed;
            counts_.times_us.push_back(static_cast<std::uint32_t>(
                std::chrono::duration_cast<microseconds>(Clock::now() - began_).count()));
            state_ = State::over;
            return;
        }
        if (!is_tunnel_) ++counts_.tunnels_opened;
        is_tunnel_ = true;
        ++counts_.pings;
        state_ = State::resting;
        next_ping_ = now + tunnel_pause;
    }

    void fail(int error, const char* where) {
        if (is_tunnel_)
            ++counts_.tunnels_cut;
        else
            ++(error == ECONNREFUSED ? counts_.refused : counts_.reset);
        end(std::string(where) + ": " + std::strerror(error));
    }

    void end(const std::string& why) {
        if (counts_.first_failure.empty())
            counts_.first_failure = (is_tunnel_ ? "a tunnel: " : "") + why;
        state_ = State::over;
    }

    Socket socket_;
    bool stays_;
    Counts& counts_;
    Clock::time_point began_;
    Clock::time_point next_ping_;
    State state_ = State::connecting;
    bool is_tunnel_ = false;
    std::string asked_;
    std::string answer_;
};

void run_clients(const Options& options, const std::string& target, Counts& counts) {
    std::vector<std::unique_ptr<Client>> clients;
    std::vector<std::unique_ptr<Client>> tunnels;
    std::vector<pollfd> polls;
    const auto start = Clock::now();
    const auto is_time_up = [&] {
        return is_over || (options.seconds > 0 &&
                           Clock::now() - start > std::chrono::duration<double>(options.seconds));
    };
    double debt = 0;  // connections that are due
    auto last = start;
    auto next_tunnels = start;
    bool is_ending = false;
    for (;;) {
        const auto now = Clock::now();
        debt += std::chrono::duration<double>(now - last).count() * options.rate;
        debt = std::min(debt, options.rate / 10);  // no storm after a pause of the machine
        last = now;
        if (!is_ending && is_time_up()) is_ending = true;
        if (is_ending && clients.empty()) return;
        for (; debt >= 1; --debt)
            if (!is_ending && clients.size() < open_connections_max)
                clients.push_back(std::make_unique<Client>(options, target, false, counts));
        if (now >= next_tunnels) {
            next_tunnels = now + tunnel_pause;
            while (!is_ending && tunnels.size() < static_cast<std::size_t>(options.tunnels))
                tunnels.push_back(std::make_unique<Client>(options, target, true, counts));
        }
        if (is_ending) tunnels.clear();

        polls.clear();
        for (const auto* group : {&clients, &tunnels})
            for (const auto& client : *group)
                polls.push_back({client->descriptor(), client->wanted_events(), 0});
        ::poll(polls.data(), static_cast<nfds_t>(polls.size()), 2);
        const auto after = Clock::now();
        std::size_t at = 0;
        for (auto* group : {&clients, &tunnels}) {
            for (const auto& client : *group) {
                if (!client->is_over()) client->run(after, polls[at].revents);
                ++at;
            }
            std::erase_if(*group, [](const auto& client) { return client->is_over(); });
        }
    }
}

std::string to_json_text(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) out += c < ' ' || c == '"' || c == '\\' ? '?' : c;
    return out + "\"";
}

void print_counts(Counts& counts, double seconds) {
    std::sort(counts.times_us.begin(), counts.times_us.end());
    const auto at = [&](double part) {
        return counts.times_us.empty()
                   ? 0u
                   : counts.times_us[std::min(
                         counts.times_us.size() - 1,
                         static_cast<std::size_t>(part * double(counts.times_us.size())))];
    };
    const auto number = [](const char* name, std::uint64_t value) {
        std::printf("\"%s\":%llu,", name, static_cast<unsigned long long>(value));
    };
    std::printf("{");
    number("attempts", counts.attempts);
    number("completed", counts.completed);
    number("failures", counts.failures());
    number("refused", counts.refused);
    number("reset", counts.reset);
    number("ended", counts.ended);
    number("bad_status", counts.bad_status);
    number("timeouts", counts.timeouts);
    number("tunnels_opened", counts.tunnels_opened);
    number("tunnels_cut", counts.tunnels_cut);
    number("pings", counts.pings);
    number("p50_us", at(0.5));
    number("p99_us", at(0.99));
    number("worst_us", at(1));
    std::printf("\"seconds\":%.3f,\"first_failure\":%s}\n", seconds,
                to_json_text(counts.first_failure).c_str());
}

[[noreturn]] void print_help(int code) {
    std::fputs(
        "connect_load --port PORT [--rate 1000] [--tunnels 20] [--seconds S] [--target HOST:PORT]\n"
        "             [--echo-port PORT] [--ready-file FILE]\n"
        "New connections a second to the proxy on PORT of loopback, and tunnels that stay open,\n"
        "to a target that echoes (its own, unless one is named). Ends after S seconds or at\n"
        "SIGTERM; prints one line of JSON. FILE appears when it has begun.\n",
        code ? stderr : stdout);
    std::exit(code);
}

Options read_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--help") print_help(0);
        if (i + 1 == argc) print_help(2);
        const char* value = argv[++i];
        if (name == "--port")
            options.port = static_cast<std::uint16_t>(std::atoi(value));
        else if (name == "--rate")
            options.rate = std::atof(value);
        else if (name == "--tunnels")
            options.tunnels = std::atoi(value);
        else if (name == "--seconds")
            options.seconds = std::atof(value);
        else if (name == "--target")
            options.target = value;
        else if (name == "--echo-port")
            options.echo_port = static_cast<std::uint16_t>(std::atoi(value));
        else if (name == "--ready-file")
            options.ready_file = value;
        else
            print_help(2);
    }
    if (!options.port || options.rate <= 0) print_help(2);
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = read_options(argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    for (const int number : {SIGTERM, SIGINT}) std::signal(number, [](int) { is_over = 1; });
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);

    const auto echo = start_echo(options.echo_port);
    if (!echo || echo->pid < 0) {
        std::perror("connect_load: echo");
        return 1;
    }
    if (!options.ready_file.empty()) {
        auto* file = std::fopen(options.ready_file.c_str(), "w");
        if (file) std::fclose(file);
    }
    Counts counts;
    const auto began = Clock::now();
    run_clients(options,
                options.target.empty() ? "127.0.0.1:" + std::to_string(echo->port) : options.target,
                counts);
    ::kill(echo->pid, SIGKILL);
    ::waitpid(echo->pid, nullptr, 0);
    print_counts(counts, std::chrono::duration<double>(Clock::now() - began).count());
    return 0;
}
