#include "platform/processes.h"

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/limits.h"
#include "platform/process.h"
#include "support/catch.h"

using namespace halton;
using setup::ProcessFact;

namespace {

constexpr std::array<std::string_view, 2> names{"HTTPS_PROXY", "HALTON_PROJECT"};

// A process that sleeps, with these variables; ended with the test.
class Sleeper {
public:
    explicit Sleeper(std::vector<std::string> variables, std::string argument = "60") {
        pid_ = ::fork();
        if (pid_ != 0) return;
        std::vector<char*> pointers;
        for (auto& variable : variables) pointers.push_back(variable.data());
        pointers.push_back(nullptr);
        std::string name = "claude";
        std::string script = "exec sleep 60";
        std::string flag = "-c";
        char* arguments[] = {name.data(), flag.data(), script.data(), argument.data(), nullptr};
        ::execve("/bin/sh", arguments, pointers.data());
        ::_exit(127);
    }
    ~Sleeper() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    int pid() const { return pid_; }

private:
    int pid_ = -1;
};

std::vector<ProcessFact> list(int wanted_pid) {
    return platform::list_own_processes(
        [wanted_pid](const ProcessFact& process) { return process.pid == wanted_pid; }, names);
}

// Looks again until the sleeper has become its program.
ProcessFact find(int pid) {
    for (int i = 0; i < 2'000; ++i) {
        for (auto& process : list(pid))
            if (process.pid == pid && process.executable.ends_with("sleep")) return process;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("the process was not seen");
    return {};
}

}  // namespace

TEST_CASE("processes: program, command line and the named variables, nothing else") {
    const Sleeper sleeper(
        {"HTTPS_PROXY=http://127.0.0.1:1", "SECRET=hidden", "HALTON_PROJECT=a=b", "NOVALUE"});
    const auto process = find(sleeper.pid());
    CHECK(process.arguments == std::vector<std::string>{"sleep", "60"});
    CHECK(process.variables ==
          setup::Variables{{"HTTPS_PROXY", "http://127.0.0.1:1"}, {"HALTON_PROJECT", "a=b"}});
}

TEST_CASE("processes: an environment that nobody wants is not read") {
    const Sleeper sleeper({"HTTPS_PROXY=http://127.0.0.1:1"});
    find(sleeper.pid());
    for (const auto& process : list(-1)) CHECK(process.variables.empty());
}

TEST_CASE("processes: youngest first, this one among them") {
    const auto processes = list(-1);
    CHECK(processes.size() <= limits::process_count_max);
    CHECK(std::is_sorted(processes.begin(), processes.end(),
                         [](const ProcessFact& a, const ProcessFact& b) { return a.pid > b.pid; }));
    CHECK(std::any_of(processes.begin(), processes.end(), [](const ProcessFact& process) {
        return process.pid == platform::own_pid() && !process.executable.empty();
    }));
}
