#include "platform/process_facts.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <fstream>
#include <string>

#include "base/limits.h"
#include "platform/process.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::platform;

namespace {

// A child that runs a program with arguments and variables of the test's choosing, until the end
// of the scope.
class Child {
public:
    Child(const std::vector<std::string>& arguments, const std::vector<std::string>& variables,
          const std::string& folder = "/") {
        pid_ = ::fork();
        if (pid_ == 0) {
            std::vector<char*> argv;
            std::vector<char*> envp;
            for (const auto& text : arguments) argv.push_back(const_cast<char*>(text.c_str()));
            for (const auto& text : variables) envp.push_back(const_cast<char*>(text.c_str()));
            argv.push_back(nullptr);
            envp.push_back(nullptr);
            if (::chdir(folder.c_str()) == 0) ::execve("/bin/sleep", argv.data(), envp.data());
            ::_exit(1);
        }
        // Until it has become the program: the link to it changes first, its words come last.
        for (int i = 0; i < 2000 && (read_executable(pid_).find("sleep") == std::string::npos ||
                                     read_arguments(pid_).size() < 2);
             ++i)
            ::usleep(1'000);
    }
    ~Child() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    int pid() const { return pid_; }

private:
    int pid_ = -1;
};

}  // namespace

TEST_CASE("process facts: ourselves") {
    const auto status = read_process_status(own_pid());
    REQUIRE(status);
    CHECK(status->pid == own_pid());
    CHECK(status->parent_pid == ::getppid());
    CHECK(status->session_id == ::getsid(0));
    CHECK(status->uid == own_uid());
    CHECK(status->started > 0);
    CHECK_FALSE(status->name.empty());
    CHECK(read_executable(own_pid()).find("_test") != std::string::npos);
    CHECK(read_file_root(own_pid()).empty());
    CHECK(read_file_root(::getppid()).empty());
}

TEST_CASE("process facts: folder, arguments and the wanted variables of another process") {
    const test::TempDirectory folder;
    const Child child({"sleep", "60"},
                      {"FIRST=1", "HALTON_PROJECT=shop", "EMPTY=", "HALTON_PROJECT=second",
                       "HALTON_PROJECT_X=no", "NOEQUALS", "LONG=" + std::string(5000, 'x')},
                      folder.path().string());
    CHECK(read_working_directory(child.pid()) == folder.path().string());
    CHECK(read_arguments(child.pid()) == std::vector<std::string>{"sleep", "60"});
    constexpr std::array<std::string_view, 4> names{"HALTON_PROJECT", "EMPTY", "ABSENT", "LONG"};
    auto values = read_variables(child.pid(), names);
    for (int i = 0; i < 2000 && values.empty(); ++i) {
        ::usleep(1'000);
        values = read_variables(child.pid(), names);
    }
    REQUIRE(values.size() == 4);
    CHECK(values[0] == "shop");
    CHECK(values[1] == "");
    CHECK_FALSE(values[2]);
    REQUIRE(values[3]);
    CHECK(values[3]->size() == limits::slug_bytes_max + 1);
}

TEST_CASE("process facts: a folder that was deleted still has its name") {
    std::string gone;
    const test::TempDirectory folder;
    std::filesystem::create_directories(folder / "gone");
    const Child child({"sleep", "60"}, {}, (folder / "gone").string());
    std::filesystem::remove(folder / "gone");
    CHECK(read_working_directory(child.pid()) == (folder / "gone").string());
}

TEST_CASE("process facts: huge command lines are cut") {
    std::vector<std::string> arguments{"sleep", "60"};
    for (int i = 0; i < 400; ++i) arguments.push_back("--x=" + std::string(300, 'y'));
    // It ends at once: sleep knows no such flags. What is read is the moment before.
    const Child child({"sleep", "60"}, {});
    CHECK(read_arguments(child.pid()).size() == 2);
    const int pid = ::fork();
    if (pid == 0) {
        std::vector<char*> argv;
        argv.push_back(const_cast<char*>("sh"));
        argv.push_back(const_cast<char*>("-c"));
        argv.push_back(const_cast<char*>("read x"));
        for (auto& text : arguments) argv.push_back(text.data());
        argv.push_back(nullptr);
        int ends[2];
        if (::pipe(ends) != 0) ::_exit(1);
        ::dup2(ends[0], 0);
        ::execv("/bin/sh", argv.data());
        ::_exit(1);
    }
    std::vector<std::string> read;
    for (int i = 0; i < 2000 && (read.empty() || read[0] != "sh"); ++i) {
        read = read_arguments(pid);
        ::usleep(1'000);
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    CHECK(read.size() > 100);
    CHECK(read.size() <= limits::argument_count_max);
    std::size_t bytes = 0;
    for (const auto& text : read) bytes += text.size();
    CHECK(bytes <= limits::command_line_bytes_max);
}

TEST_CASE("process facts: a process that is not there") {
    for (const int pid : {0, -1, 1 << 30}) {
        CHECK(read_process_status(pid).error().kind == ErrorKind::not_found);
        CHECK(read_executable(pid).empty());
        CHECK(read_arguments(pid).empty());
        CHECK(read_file_root(pid).empty());
    }
    constexpr std::array<std::string_view, 1> names{"PATH"};
    CHECK(read_variables(1 << 30, names).empty());
}

TEST_CASE("process facts: a hostile name shifts no field") {
    if (::access("/proc/self/comm", W_OK) != 0) {
        WARN("processes cannot name themselves here: skipped");
        return;
    }
    const int pid = ::fork();
    if (pid == 0) {
        // The kernel keeps 15 bytes.
        std::ofstream("/proc/self/comm") << ") R 1 1 1 ((";
        ::sleep(60);
        ::_exit(0);
    }
    Result<ProcessStatus> status = fail(ErrorKind::not_found);
    for (int i = 0; i < 2000 && (!status || status->name.front() != ')'); ++i) {
        status = read_process_status(pid);
        ::usleep(1'000);
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    REQUIRE(status);
    CHECK(status->name == ") R 1 1 1 ((");
    CHECK(status->parent_pid == own_pid());
    CHECK(status->session_id == ::getsid(0));
}
