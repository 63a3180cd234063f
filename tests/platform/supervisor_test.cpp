#include "platform/supervisor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using test::ScopedVariable;

namespace {

// Runs the body in a child, where descriptors 3 and 4 may be arranged at will.
int exit_code_of(const std::function<bool()>& is_good) {
    const int child = ::fork();
    if (child == 0) ::_exit(is_good() ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void give_two_sockets() {
    const int one = ::socket(AF_INET, SOCK_STREAM, 0);
    const int other = ::fcntl(one, F_DUPFD, 20);
    ::dup2(other, 3);
    ::dup2(other, 4);
    ::fcntl(3, F_SETFD, 0);
    ::fcntl(4, F_SETFD, 0);
}

void say(const char* count, const std::string& pid, const char* names) {
    ::setenv("LISTEN_FDS", count, 1);
    ::setenv("LISTEN_PID", pid.c_str(), 1);
    ::setenv("LISTEN_FDNAMES", names, 1);
}

}  // namespace

TEST_CASE("supervisor: takes what was given, by name, once, closed for children") {
    CHECK(exit_code_of([] {
              give_two_sockets();
              say("2", std::to_string(::getpid()), "edge:other");
              auto given = platform::take_given_sockets("edge");
              const bool is_closed_on_exec = (::fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 &&
                                             (::fcntl(4, F_GETFD) & FD_CLOEXEC) != 0;
              const bool is_clean = !std::getenv("LISTEN_FDS") && !std::getenv("LISTEN_PID") &&
                                    !std::getenv("LISTEN_FDNAMES");
              return given.size() == 2 && given[0].name == "edge" && given[1].name == "other" &&
                     given[0].socket.descriptor() == 3 && given[1].socket.descriptor() == 4 &&
                     is_closed_on_exec && is_clean && platform::take_given_sockets("edge").empty();
          }) == 0);
}

TEST_CASE("supervisor: variables of another process, and such that make no sense, give nothing") {
    struct Case {
        const char* count;
        const char* pid;  // empty: our own
    };
    for (const auto& [count, pid] : {Case{"2", "1"}, Case{"2", "x"}, Case{"x", ""}, Case{"-1", ""},
                                     Case{"1000000", ""}, Case{"", ""}, Case{"0", ""}}) {
        CAPTURE(count, pid);
        CHECK(exit_code_of([count = count, pid = pid] {
                  give_two_sockets();
                  say(count, *pid ? std::string(pid) : std::to_string(::getpid()), "edge");
                  return platform::take_given_sockets("edge").empty() &&
                         !std::getenv("LISTEN_FDS") && ::fcntl(3, F_GETFD) >= 0;
              }) == 0);
    }
}

TEST_CASE("supervisor: a descriptor that was promised and is not there is left out") {
    CHECK(exit_code_of([] {
              give_two_sockets();
              ::close(3);
              say("2", std::to_string(::getpid()), "");
              const auto given = platform::take_given_sockets("edge");
              return given.size() == 1 && given[0].name.empty() &&
                     given[0].socket.descriptor() == 4;
          }) == 0);
}

TEST_CASE("supervisor: hears when we are ready") {
    const test::TempDirectory directory;
    const auto path = (directory / "notify").string();
    const platform::Socket listener(::socket(AF_UNIX, SOCK_DGRAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    REQUIRE(::bind(listener.descriptor(), reinterpret_cast<const sockaddr*>(&address),
                   sizeof address) == 0);
    const ScopedVariable where("NOTIFY_SOCKET", path);
    platform::tell_supervisor("READY=1");
    char buffer[32] = {};
    CHECK(::recv(listener.descriptor(), buffer, sizeof buffer, MSG_DONTWAIT) == 7);
    CHECK(std::string(buffer) == "READY=1");
}

TEST_CASE("supervisor: nobody there, or nonsense, is silence") {
    for (const std::string where : {"", "/nowhere/at/all", "@halton-nobody", "relative", "/"}) {
        const ScopedVariable variable("NOTIFY_SOCKET", where);
        platform::tell_supervisor("READY=1");
    }
    const ScopedVariable variable("NOTIFY_SOCKET", "/" + std::string(300, 'x'));
    platform::tell_supervisor("READY=1");
    SUCCEED();
}
